const mapped = /^(?:0000:){5}ffff:([0-9a-f]{2})([0-9a-f]{2}):([0-9a-f]{2})([0-9a-f]{2})$/i;

/** An address as µWebSockets gives it, with IPv4 addresses of a dual-stack socket in their usual form. */
export function plainAddress(text: string): string {
  const parts = mapped.exec(text);
  return parts
    ? parts
        .slice(1)
        .map((byte) => parseInt(byte, 16))
        .join('.')
    : text;
}
