import { randomBytes } from 'node:crypto';

let lastTime = 0;
let counter = 0;

/**
 * A new UUIDv7 (RFC 9562): its first 48 bits are Unix milliseconds, so ids sort by when they were made.
 * Ids of one process made in the same millisecond sort in the order they were made.
 */
export function uuidV7(now: number = Date.now()): string {
  if (now > lastTime) {
    lastTime = now;
    counter = randomBytes(2).readUInt16BE() & 0x7ff;
  } else if (++counter > 0xfff) {
    // More ids than the counter holds, or the clock went back: borrow from the next millisecond.
    lastTime++;
    counter = 0;
  }
  const bytes = randomBytes(16);
  bytes.writeUIntBE(lastTime, 0, 6);
  bytes.writeUInt16BE(0x7000 | counter, 6);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
