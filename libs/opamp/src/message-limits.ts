import { MessageOverLimit } from './errors.ts';
import { agentToServerFieldName, subMessageField, type AgentToServerScan } from './scan-agent-to-server.ts';

/** How many bytes of each kind an AgentToServer may have. */
export interface MessageLimits {
  /** Bytes of each sub-message that is not one of the large ones. */
  statusBytes: number;
  /** Bytes of the effective configuration, of the list of components and of a custom message, each. */
  effectiveConfigBytes: number;
}

const large: readonly number[] = [
  subMessageField.effectiveConfig,
  subMessageField.availableComponents,
  subMessageField.customMessage,
];

/**
 * Throws `MessageOverLimit` when a sub-message, all its parts together, is larger than it may be; the text names
 * its size, the limit and the setting.
 */
export function checkSizes({ subMessages }: AgentToServerScan, limits: MessageLimits): void {
  let checked = 0;
  for (const { field } of subMessages) {
    if ((checked & (1 << field)) !== 0) continue;
    checked |= 1 << field;
    const isLarge = large.includes(field);
    const most = isLarge ? limits.effectiveConfigBytes : limits.statusBytes;
    const bytes = sizeOf(subMessages, field);
    if (bytes <= most) continue;
    const setting = isLarge ? 'MUSTER_MAX_EFFECTIVE_CONFIG_BYTES' : 'MUSTER_MAX_STATUS_BYTES';
    const reason = `has ${bytes} bytes, more than the ${most} that the server takes (${setting})`;
    throw new MessageOverLimit(reason, agentToServerFieldName(field));
  }
}

function sizeOf(subMessages: AgentToServerScan['subMessages'], field: number): number {
  let bytes = 0;
  for (const part of subMessages) if (part.field === field) bytes += part.end - part.bodyStart;
  return bytes;
}
