/** An agent's instance_uid as lower-case UUID text. */
export type AgentId = string & { readonly brand: 'AgentId' };

const uuidText = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** UUID text from outside, or null when it is not one. */
export function parseAgentId(text: string): AgentId | null {
  return uuidText.test(text) ? (text.toLowerCase() as AgentId) : null;
}

/** The 16 bytes of an instance_uid as text (OpAMP AgentToServer.instance_uid). */
export function agentIdFromBytes(bytes: Uint8Array): AgentId {
  for (let i = 0; i < 16; i++) {
    const byte = bytes[i]!;
    text[places[i]!] = digits[byte >> 4]!;
    text[places[i]! + 1] = digits[byte & 15]!;
  }
  return text.toString('latin1') as AgentId;
}

/** Written over by every call, which costs a third of cutting hexadecimal text into pieces. */
const text = Buffer.alloc(36, '-');
const digits = Buffer.from('0123456789abcdef');
/** Where each byte stands in the text. */
const places = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/** The 16 bytes of an instance_uid. */
export function agentIdToBytes(id: AgentId): Buffer {
  return Buffer.from(id.replaceAll('-', ''), 'hex');
}

/** As many agents as there are instance_uids of 16 bytes, one after the other. */
export function agentIdsFromBytes(bytes: Uint8Array): AgentId[] {
  return Array.from({ length: bytes.length / 16 }, (_, i) =>
    agentIdFromBytes(bytes.subarray(i * 16, i * 16 + 16)),
  );
}

/** The instance_uids of agents one after the other, 16 bytes each. */
export function agentIdsToBytes(ids: readonly AgentId[]): Buffer {
  const bytes = Buffer.allocUnsafe(ids.length * 16);
  for (const [i, id] of ids.entries()) bytes.write(id.replaceAll('-', ''), i * 16, 'hex');
  return bytes;
}
