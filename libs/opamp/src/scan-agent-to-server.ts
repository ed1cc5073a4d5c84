import { MalformedMessage, MessageOverLimit } from './errors.ts';
import { WireReader, wireType } from './wire-reader.ts';

/** Field numbers of the sub-messages of AgentToServer. */
export const subMessageField = {
  agentDescription: 3,
  health: 5,
  effectiveConfig: 6,
  remoteConfigStatus: 7,
  packageStatuses: 8,
  agentDisconnect: 9,
  connectionSettingsRequest: 11,
  customCapabilities: 12,
  customMessage: 13,
  availableComponents: 14,
  connectionSettingsStatus: 15,
} as const;

/** AgentToServer.flags: the agent wants an instance_uid from the server. */
export const requestInstanceUid = 0x1;

/** Where one sub-message lies: [start, end) with its tag and length, [bodyStart, end) without. */
export interface SubMessage {
  field: number;
  start: number;
  bodyStart: number;
  end: number;
}

/**
 * The top-level fields of an AgentToServer; sub-messages stay byte ranges of `bytes`. Numbers are exact
 * up to 2^53 (higher bits are dropped). Fields the agent left out are 0 or missing.
 */
export interface AgentToServerScan {
  bytes: Uint8Array;
  /** A view of `bytes`, of whatever length was sent; null when missing. */
  instanceUid: Uint8Array | null;
  sequenceNum: number;
  capabilities: number;
  flags: number;
  /** In the order sent. A field sent twice appears twice: protobuf merges the two. */
  subMessages: SubMessage[];
}

const fieldNames = [
  '',
  'instance_uid',
  'sequence_num',
  'agent_description',
  'capabilities',
  'health',
  'effective_config',
  'remote_config_status',
  'package_statuses',
  'agent_disconnect',
  'flags',
  'connection_settings_request',
  'custom_capabilities',
  'custom_message',
  'available_components',
  'connection_settings_status',
];
const noSubMessages: SubMessage[] = [];

/** Fields of an AgentToServer, unknown ones and each part of a field that comes in parts. It has 15. */
const fieldsAtMost = 1_024;
/** Parts in which one sub-message may come: protobuf merges them, and no encoder makes more than one. */
const partsAtMost = 64;
/** Bytes of unknown groups: their fields are looked at one by one. */
const groupBytesAtMost = 64 * 1024;

/** The name of a top-level field in the .proto file. */
export function agentToServerFieldName(field: number): string {
  return fieldNames[field] ?? `field ${field}`;
}

/**
 * Reads a WebSocket message: varint header, which must be 0, then an AgentToServer (spec "WebSocket
 * Message Format"). Throws `MalformedMessage`.
 */
export function scanWebSocketMessage(bytes: Uint8Array): AgentToServerScan {
  const reader = new WireReader(bytes, 0, Math.min(bytes.length, 10));
  if (reader.done) throw new MalformedMessage('the message has no header');
  let header: number;
  try {
    header = reader.varint();
  } catch {
    throw new MalformedMessage('the message header is not a varint of 1 to 10 bytes');
  }
  if (header !== 0) throw new MalformedMessage(`the message header is ${header}, want 0`);
  return scanAgentToServer(bytes, reader.position);
}

/**
 * Reads the top-level fields of an AgentToServer that begins at `start`, whatever its size in constant time:
 * of 1,024 fields and 64 parts of each sub-message at most. Throws `MalformedMessage`.
 */
export function scanAgentToServer(bytes: Uint8Array, start = 0): AgentToServerScan {
  const scan: AgentToServerScan = {
    bytes,
    instanceUid: null,
    sequenceNum: 0,
    capabilities: 0,
    flags: 0,
    subMessages: noSubMessages,
  };
  const reader = new WireReader(bytes, start, bytes.length);
  for (let fields = 1; !reader.done; fields++) {
    if (fields > fieldsAtMost) throw overLimit(scan, `has more than ${fieldsAtMost} fields`);
    const fieldStart = reader.position;
    const tag = reader.tag();
    try {
      scanField(scan, reader, tag, fieldStart);
    } catch (error) {
      throw inField(error, agentToServerFieldName(Math.floor(tag / 8)), scan.instanceUid);
    }
  }
  return scan;
}

function scanField(scan: AgentToServerScan, reader: WireReader, tag: number, start: number): void {
  const field = Math.floor(tag / 8);
  const type = tag & 7;
  if (field > subMessageField.connectionSettingsStatus) return skipUnknown(scan, reader, field, type);
  const isNumber = field === 2 || field === 4 || field === 10;
  if (type !== (isNumber ? wireType.varint : wireType.lengthDelimited)) {
    throw new MalformedMessage(`wire type ${type} does not fit`);
  }
  if (field === 2) scan.sequenceNum = reader.varint();
  else if (field === 4) scan.capabilities = reader.varint();
  else if (field === 10) scan.flags = reader.varint();
  else {
    const bodyStart = reader.stepOver();
    const end = reader.position;
    if (field === 1) scan.instanceUid = scan.bytes.subarray(bodyStart, end);
    else addSubMessage(scan, { field, start, bodyStart, end });
  }
}

function skipUnknown({ bytes }: AgentToServerScan, reader: WireReader, field: number, type: number): void {
  if (type !== wireType.groupStart) return reader.skip(type, field);
  const group = new WireReader(
    bytes,
    reader.position,
    Math.min(bytes.length, reader.position + groupBytesAtMost),
  );
  group.skip(type, field);
  reader.position = group.position;
}

function addSubMessage(scan: AgentToServerScan, subMessage: SubMessage): void {
  if (scan.subMessages === noSubMessages) scan.subMessages = [subMessage];
  else if (scan.subMessages.push(subMessage) > partsAtMost) checkParts(scan, subMessage.field);
}

function checkParts({ subMessages }: AgentToServerScan, field: number): void {
  let parts = 0;
  for (const subMessage of subMessages) if (subMessage.field === field) parts += 1;
  if (parts > partsAtMost) throw new MessageOverLimit(`comes in more than ${partsAtMost} parts`);
}

function overLimit({ instanceUid }: AgentToServerScan, reason: string): MessageOverLimit {
  return Object.assign(new MessageOverLimit(reason), { instanceUid });
}

function inField(error: unknown, field: string, instanceUid: Uint8Array | null): unknown {
  if (!(error instanceof MalformedMessage) || error.field !== undefined) return error;
  return Object.assign(renamed(error, field), { instanceUid });
}

function renamed(error: MalformedMessage, field: string): MalformedMessage {
  return error instanceof MessageOverLimit
    ? new MessageOverLimit(error.message, field)
    : new MalformedMessage(error.message, field);
}

/** Is the sub-message there? A set but empty one is. */
export function hasSubMessage(scan: AgentToServerScan, field: number): boolean {
  return scan.subMessages.some((subMessage) => subMessage.field === field);
}

/**
 * The bytes of a sub-message without tag and length, or null when it is not there. A view where it was
 * sent once; parts sent separately are joined, which is how protobuf merges them.
 */
export function subMessageBody(scan: AgentToServerScan, field: number): Uint8Array | null {
  let first: Uint8Array | null = null;
  let parts: Uint8Array[] | null = null;
  for (const part of scan.subMessages) {
    if (part.field !== field) continue;
    const bytes = scan.bytes.subarray(part.bodyStart, part.end);
    if (first === null) first = bytes;
    else (parts ??= [first]).push(bytes);
  }
  return parts === null ? first : Buffer.concat(parts);
}
