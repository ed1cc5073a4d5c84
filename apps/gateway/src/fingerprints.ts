import { RepeatedHashes } from '@muster/agents/repeated-hashes';
import { subMessageBody, subMessageField, type AgentToServerScan } from '@muster/opamp/scan-agent-to-server';
import { scanAvailableComponents } from '@muster/opamp/scan-available-components';

/** A 64-bit hash stands for the sub-message an agent last reported. */
export const fingerprintBytes = 8;

/** Sub-messages that are state, in the order of their slots. The others are events: never kept, never compared. */
const slots: readonly number[] = [
  subMessageField.agentDescription,
  subMessageField.health,
  subMessageField.effectiveConfig,
  subMessageField.remoteConfigStatus,
  subMessageField.packageStatuses,
  subMessageField.customCapabilities,
  subMessageField.availableComponents,
  subMessageField.connectionSettingsStatus,
];

export const fingerprintSlots = slots.length;

/** The slot of each field; -1: the field is not state. */
const slotOf = Array.from({ length: 16 }, (_, field) => slots.indexOf(field));

export const remoteConfigStatusSlot = slots.indexOf(subMessageField.remoteConfigStatus);

/** One piece of state in a message. */
export interface StatePart {
  field: number;
  slot: number;
  fingerprint: Uint8Array;
  /** Stands for a list that the message leaves out: available components, of which agents send the hash first. */
  hashOnly: boolean;
  /** Available components: the agent's own hash of its list, a view of the message; otherwise empty. */
  ownHash: Uint8Array;
}

const noParts: StatePart[] = [];

/** The state a message carries, each part with its fingerprint. */
export function statePartsOf(scan: AgentToServerScan): StatePart[] {
  if (scan.subMessages.length === 0) return noParts;
  const parts: StatePart[] = [];
  for (const { field } of scan.subMessages) {
    const slot = slotOf[field]!;
    if (slot === -1 || parts.some((part) => part.slot === slot)) continue;
    parts.push({ field, slot, ...identify(field, subMessageBody(scan, field)!) });
  }
  return parts;
}

/** Available components are known by the agent's own hash of them, with or without the list. */
function identify(field: number, body: Uint8Array): Pick<StatePart, 'fingerprint' | 'hashOnly' | 'ownHash'> {
  if (field === subMessageField.availableComponents) {
    const { hash: ownHash, listed } = scanAvailableComponents(body);
    if (ownHash.length > 0) return { fingerprint: fingerprintOf(ownHash), hashOnly: !listed, ownHash };
  }
  return { fingerprint: fingerprintOf(body), hashOnly: false, ownHash: none };
}

/**
 * The first 64 bits of SHA-1, which costs less than a microsecond for most sub-messages. Whoever makes
 * two of its own messages collide only hides its own change from itself.
 */
function fingerprintOf(body: Uint8Array): Uint8Array {
  return fingerprints.of(body);
}

const fingerprints = new RepeatedHashes('sha1', fingerprintBytes);
const none = new Uint8Array(0);
