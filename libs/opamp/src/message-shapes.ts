import { isUtf8 } from 'node:buffer';
import { MalformedMessage } from './errors.ts';
import { WireReader, wireType } from './wire-reader.ts';
import { agentToServerFieldName, subMessageField, type SubMessage } from './scan-agent-to-server.ts';

/*
 * Tells whether a sub-message can be decoded, without decoding it: an agent hears of its mistake in the
 * answer, and nothing downstream meets bytes it cannot read.
 */

type Kind = 'number' | 'fixed64' | 'bytes' | 'text' | Shape;
/** What is expected in each field of a message. Fields without an entry are unknown and skipped. */
interface Shape {
  readonly [field: number]: Kind;
}

/** Messages may nest this deep, map entries counted. Below the decoder's own limit of 100. */
const depthLimit = 96;

const anyValue: Record<number, Kind> = { 1: 'text', 2: 'number', 3: 'number', 4: 'fixed64', 7: 'bytes' };
const keyValue: Shape = { 1: 'text', 2: anyValue };
anyValue[5] = { 1: anyValue };
anyValue[6] = { 1: keyValue };

const componentHealth: Record<number, Kind> = {
  1: 'number',
  2: 'fixed64',
  3: 'text',
  4: 'text',
  5: 'fixed64',
  7: keyValue,
};
componentHealth[6] = mapOf(componentHealth);

const componentDetails: Record<number, Kind> = { 1: keyValue };
componentDetails[2] = mapOf(componentDetails);

const configMap: Shape = { 1: mapOf({ 1: 'bytes', 2: 'text' }) };
const configStatus: Shape = { 1: 'bytes', 2: 'number', 3: 'text' };
const downloadDetails: Shape = { 1: 'fixed64', 2: 'fixed64' };
const packageStatus: Shape = {
  1: 'text',
  2: 'text',
  3: 'bytes',
  4: 'text',
  5: 'bytes',
  6: 'number',
  7: 'text',
  8: downloadDetails,
};

const shapes: Record<number, Shape> = {
  [subMessageField.agentDescription]: { 1: keyValue, 2: keyValue },
  [subMessageField.health]: componentHealth,
  [subMessageField.effectiveConfig]: { 1: configMap },
  [subMessageField.remoteConfigStatus]: configStatus,
  [subMessageField.packageStatuses]: { 1: mapOf(packageStatus), 2: 'bytes', 3: 'text' },
  [subMessageField.agentDisconnect]: {},
  [subMessageField.connectionSettingsRequest]: { 1: { 1: { 1: 'bytes' } } },
  [subMessageField.customCapabilities]: { 1: 'text' },
  [subMessageField.customMessage]: { 1: 'text', 2: 'text', 3: 'bytes' },
  [subMessageField.availableComponents]: { 1: mapOf(componentDetails), 2: 'bytes' },
  [subMessageField.connectionSettingsStatus]: configStatus,
};

function mapOf(value: Shape): Shape {
  return { 1: 'text', 2: value };
}

/**
 * Throws `MalformedMessage` when a sub-message of an AgentToServer would not decode: cut short, a wire
 * type that does not fit its field, text that is not UTF-8, or nested more than 96 deep.
 */
export function checkSubMessage(bytes: Uint8Array, subMessage: SubMessage): void {
  try {
    check(bytes, subMessage.bodyStart, subMessage.end, shapes[subMessage.field] ?? {}, 1);
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
    throw new MalformedMessage(error.message, agentToServerFieldName(subMessage.field));
  }
}

function check(bytes: Uint8Array, start: number, end: number, shape: Shape, depth: number): void {
  if (depth > depthLimit) throw new MalformedMessage(`is nested more than ${depthLimit} deep`);
  const reader = new WireReader(bytes, start, end);
  while (!reader.done) {
    const tag = reader.tag();
    const type = tag & 7;
    const kind = shape[Math.floor(tag / 8)];
    if (kind === undefined) {
      reader.skip(type);
      continue;
    }
    if (type !== wireTypeOf(kind))
      throw new MalformedMessage(`has a field of wire type ${type} that does not fit`);
    if (kind === 'number' || kind === 'fixed64') {
      reader.skip(type);
      continue;
    }
    const bodyStart = reader.stepOver();
    if (kind === 'text') checkText(bytes, bodyStart, reader.position);
    else if (kind !== 'bytes') check(bytes, bodyStart, reader.position, kind, depth + 1);
  }
}

function wireTypeOf(kind: Kind): number {
  if (kind === 'number') return wireType.varint;
  return kind === 'fixed64' ? wireType.fixed64 : wireType.lengthDelimited;
}

function checkText(bytes: Uint8Array, start: number, end: number): void {
  for (let i = start; i < end; i++) {
    if (bytes[i]! < 0x80) continue;
    // Names are nearly always ASCII; the native check is only worth its call beyond that.
    if (!isUtf8(bytes.subarray(i, end))) throw new MalformedMessage('has text that is not UTF-8');
    return;
  }
}
