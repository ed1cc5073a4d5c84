import { WireReader } from '@muster/opamp/wire-reader';

const uidTag = 0x0a;
const uidLength = 16;

/** What a simulated agent reads of a ServerToAgent. Views of the message, valid while it is handled. */
export interface Answer {
  /** Where the uid lies; -1: it was left out. */
  uidAt: number;
  flags: number;
  /** `config_hash` and the encoded AgentConfigMap of an offer. */
  offer: { hash: Buffer; configMap: Buffer } | null;
  newUid: Buffer | null;
  restart: boolean;
  error: { type: number; message: string; retryAfterMs: number } | null;
}

/** Is it the plain answer: a uid, capabilities below 128, nothing else? Most are. */
export function isPlainAnswer(message: Buffer, start: number): boolean {
  return (
    message.length - start === 20 &&
    message[start] === uidTag &&
    message[start + 1] === uidLength &&
    message[start + 18] === 0x38
  );
}

/** Reads the ServerToAgent that begins at `start`. Throws when it is not one. */
export function readAnswer(message: Buffer, start: number): Answer {
  const answer: Answer = { uidAt: -1, flags: 0, offer: null, newUid: null, restart: false, error: null };
  for (const { field, from, to, value } of fields(message, start, message.length)) {
    if (field === 1 && to - from === uidLength) answer.uidAt = from;
    else if (field === 2) answer.error = readError(message, from, to);
    else if (field === 3) answer.offer = readOffer(message, from, to);
    else if (field === 6) answer.flags = value;
    else if (field === 8) answer.newUid = bytesOf(message, from, to, 1);
    else if (field === 9) answer.restart = true;
  }
  return answer;
}

function readOffer(message: Buffer, from: number, to: number): Answer['offer'] {
  const none = Buffer.alloc(0);
  const configMap = bytesOf(message, from, to, 1) ?? none;
  return { configMap, hash: bytesOf(message, from, to, 2) ?? none };
}

function readError(message: Buffer, from: number, to: number): Answer['error'] {
  const error = { type: 0, message: '', retryAfterMs: 0 };
  for (const field of fields(message, from, to)) {
    if (field.field === 1) error.type = field.value;
    else if (field.field === 2) error.message = message.toString('utf8', field.from, field.to);
    else if (field.field === 3) {
      for (const retry of fields(message, field.from, field.to)) error.retryAfterMs = retry.value / 1e6;
    }
  }
  return error;
}

function bytesOf(message: Buffer, from: number, to: number, wanted: number): Buffer | null {
  for (const { field, from: start, to: end } of fields(message, from, to)) {
    if (field === wanted) return message.subarray(start, end);
  }
  return null;
}

interface Field {
  field: number;
  /** Of a varint. */
  value: number;
  /** Of what has a length: where it lies. */
  from: number;
  to: number;
}

function* fields(message: Buffer, start: number, end: number): Generator<Field> {
  const reader = new WireReader(message, start, end);
  while (!reader.done) {
    const tag = reader.tag();
    const field = Math.floor(tag / 8);
    const type = tag & 7;
    if (type === 0) yield { field, value: reader.varint(), from: 0, to: 0 };
    else if (type === 2) {
      const from = reader.stepOver();
      yield { field, value: 0, from, to: reader.position };
    } else reader.skip(type);
  }
}
