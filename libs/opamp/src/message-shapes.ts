import { isUtf8 } from 'node:buffer';
import { MalformedMessage, MessageOverLimit } from './errors.ts';
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

/** Messages may nest this deep, map entries counted. Below the decoder's own limit of 100, groups included. */
const depthLimit = 94;
/** Fields in one sub-message at any depth, unknown ones too: so many values are made of it downstream at most. */
const fieldsAtMost = 32_768;

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

/** What may be in one of these shapes at most, in all its parts together. */
const most = new Map<Shape, { count: number; what: string }>([
  [shapes[subMessageField.agentDescription]!, { count: 4_096, what: 'attributes' }],
  [configMap, { count: 1_024, what: 'files' }],
  [shapes[subMessageField.packageStatuses]!, { count: 4_096, what: 'packages' }],
  [shapes[subMessageField.customCapabilities]!, { count: 1_024, what: 'capabilities' }],
]);

/**
 * Throws `MalformedMessage` when sub-messages of an AgentToServer would not decode, or to more than is good:
 * cut short, a wire type that does not fit its field, text that is not UTF-8, nested more than 94 deep, or of
 * more than 32,768 fields, 4,096 attributes or packages, 1,024 files. Parts of one field count together.
 */
export function checkSubMessages(bytes: Uint8Array, subMessages: readonly SubMessage[]): void {
  const checks = new Map<number, ShapeCheck>();
  for (const { field, bodyStart, end } of subMessages) {
    const check = checks.get(field) ?? new ShapeCheck(bytes);
    checks.set(field, check);
    try {
      check.message(bodyStart, end, shapes[field] ?? {}, 1);
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      const Kind = error instanceof MessageOverLimit ? MessageOverLimit : MalformedMessage;
      throw new Kind(error.message, agentToServerFieldName(field));
    }
  }
}

/**
 * Every text of one sub-message, each on a line of its own, without decoding it. Null: that cannot be told so, since it
 * has attributes, fields that this version of the protocol does not know, text beyond ASCII, or does not decode.
 */
export function textLinesOf(field: number, body: Uint8Array): string | null {
  const latin1 = Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1');
  const reader = new TextReader(body, latin1);
  try {
    const isRead = reader.message(0, body.length, shapes[field] ?? {}, 1);
    // oxlint-disable-next-line no-control-regex
    return isRead && !/[^\0-\x7f]/.test(reader.lines) ? reader.lines : null;
  } catch (error) {
    if (error instanceof MalformedMessage) return null;
    throw error;
  }
}

/** Gathers the texts of one sub-message, as characters of one byte. */
class TextReader {
  readonly #bytes: Uint8Array;
  readonly #latin1: string;
  lines = '';

  constructor(bytes: Uint8Array, latin1: string) {
    this.#bytes = bytes;
    this.#latin1 = latin1;
  }

  /** False: there is something that is no text of its own. */
  message(start: number, end: number, shape: Shape, depth: number): boolean {
    if (depth > depthLimit || shape === keyValue) return false;
    const reader = new WireReader(this.#bytes, start, end);
    while (!reader.done) {
      const tag = reader.tag();
      const kind = shape[Math.floor(tag / 8)];
      if (kind === undefined || (tag & 7) !== wireTypeOf(kind)) return false;
      if (kind === 'number' || kind === 'fixed64') {
        reader.skip(tag & 7);
        continue;
      }
      const bodyStart = reader.stepOver();
      if (kind === 'text') this.lines += `${this.#latin1.slice(bodyStart, reader.position)}\n`;
      else if (kind !== 'bytes' && !this.message(bodyStart, reader.position, kind, depth + 1)) return false;
    }
    return true;
  }
}

/** Checks one field of an AgentToServer, in all its parts. */
class ShapeCheck {
  readonly #bytes: Uint8Array;
  #fields = 0;
  readonly #counts = new Map<Shape, number>();

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  message(start: number, end: number, shape: Shape, depth: number): void {
    if (depth > depthLimit) throw new MalformedMessage(`is nested more than ${depthLimit} deep`);
    const reader = new WireReader(this.#bytes, start, end);
    while (!reader.done) {
      const tag = reader.tag();
      this.#countField();
      const type = tag & 7;
      const field = Math.floor(tag / 8);
      const kind = shape[field];
      if (kind === undefined) {
        reader.skip(type, field);
        continue;
      }
      if (type !== wireTypeOf(kind))
        throw new MalformedMessage(`has a field of wire type ${type} that does not fit`);
      if (kind === 'number' || kind === 'fixed64') {
        reader.skip(type);
        continue;
      }
      const bodyStart = reader.stepOver();
      if (kind === 'bytes') continue;
      this.#countMember(shape);
      if (kind === 'text') checkText(this.#bytes, bodyStart, reader.position);
      else this.message(bodyStart, reader.position, kind, depth + 1);
    }
  }

  #countField(): void {
    this.#fields += 1;
    if (this.#fields > fieldsAtMost) throw new MessageOverLimit(`has more than ${fieldsAtMost} fields`);
  }

  #countMember(shape: Shape): void {
    const limit = most.get(shape);
    if (limit === undefined) return;
    const count = (this.#counts.get(shape) ?? 0) + 1;
    this.#counts.set(shape, count);
    if (count > limit.count) throw new MessageOverLimit(`has more than ${limit.count} ${limit.what}`);
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
