import { agentCapability } from '@muster/opamp/capabilities';
import {
  AgentToServer,
  configStatus,
  type AgentToServerFields,
  type KeyValueFields,
} from '@muster/opamp/opamp';

/** Bits of an agent that reports all the basics and takes remote configuration and restarts. */
export const usualCapabilities =
  agentCapability.ReportsStatus |
  agentCapability.AcceptsRemoteConfig |
  agentCapability.ReportsEffectiveConfig |
  agentCapability.AcceptsRestartCommand |
  agentCapability.ReportsHealth |
  agentCapability.ReportsRemoteConfig |
  agentCapability.ReportsHeartbeat;

/** Every bit that is defined. */
export const allCapabilities = Object.values(agentCapability).reduce((all, bit) => all | bit, 0);

/** The attribute by which an operator tells one agent of the suite from the others. */
export const keyAttribute = 'conformance.key';

export function text(key: string, value: string): KeyValueFields {
  return { key, value: { stringValue: value } };
}

/** The sub-messages of a full state that the usual capabilities promise. */
export function fullState(key: string): AgentToServerFields {
  return {
    agentDescription: {
      identifyingAttributes: [text('service.name', 'conformance'), text('service.version', '1.0.0')],
      nonIdentifyingAttributes: [text('os.type', 'linux'), text(keyAttribute, key)],
    },
    health: { healthy: true, startTimeUnixNano: 1_790_000_000_000_000_000, status: 'StatusOK' },
    effectiveConfig: { configMap: { configMap: { '': { body: Buffer.from('receivers: {}\n') } } } },
    remoteConfigStatus: {},
  };
}

export function encode(fields: AgentToServerFields): Uint8Array {
  return AgentToServer.encode(fields).finish();
}

/** A length-delimited field, whatever it may be. */
export function field(number: number, body: Uint8Array): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(body.length), body]);
}

/** A number field. */
export function numberField(number: number, value: number): Buffer {
  return Buffer.concat([varint(number * 8), varint(value)]);
}

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** `levels` messages inside each other: each has its inner one in the value of a map entry at `mapField`. */
export function nested(levels: number, mapField: number): Buffer {
  const pieces: Buffer[] = [];
  let length = 0;
  for (let level = 0; level < levels; level++) {
    // map entry: key "a" (field 1), value (field 2)
    const entryHead = Buffer.concat([field(1, Buffer.from('a')), varint(2 * 8 + 2), varint(length)]);
    const head = Buffer.concat([varint(mapField * 8 + 2), varint(entryHead.length + length), entryHead]);
    pieces.push(head);
    length += head.length;
  }
  return Buffer.concat(pieces.toReversed());
}

/** Bytes that are no AgentToServer, by what is wrong with them. `uid` is 16 bytes. */
export function malformedMessages(uid: Uint8Array): Record<string, Uint8Array> {
  const named = field(1, uid);
  return {
    'bytes that are no protobuf': Buffer.from('this is not OpAMP'),
    'a message cut off inside a field': Buffer.concat([named, Buffer.from([0x1a, 0x7f, 0x01])]),
    'a health report that is garbage': Buffer.concat([named, field(5, Buffer.from('ffffff', 'hex'))]),
  };
}

/** The status of a configuration as an agent reports it. */
export const statusOf = (
  lastRemoteConfigHash: Uint8Array,
  status: keyof typeof configStatus,
  errorMessage = '',
) => ({
  remoteConfigStatus: { lastRemoteConfigHash, status: configStatus[status], errorMessage },
});
