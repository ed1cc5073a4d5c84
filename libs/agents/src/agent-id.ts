/** An agent's instance_uid as lower-case UUID text. */
export type AgentId = string & { readonly brand: 'AgentId' };

const uuidText = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** UUID text from outside, or null when it is not one. */
export function parseAgentId(text: string): AgentId | null {
  return uuidText.test(text) ? (text.toLowerCase() as AgentId) : null;
}

/** The 16 bytes of an instance_uid as text (OpAMP AgentToServer.instance_uid). */
export function agentIdFromBytes(bytes: Uint8Array): AgentId {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, 16).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as AgentId;
}

/** The 16 bytes of an instance_uid. */
export function agentIdToBytes(id: AgentId): Buffer {
  return Buffer.from(id.replaceAll('-', ''), 'hex');
}
