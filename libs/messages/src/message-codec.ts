import type { z } from 'zod';
import { decodeReportFrame, encodeReportFrame } from './report-frame.codec.ts';
import type { ReportFrame } from './report-frame.ts';
import { schemas, type Broadcasts, type Facts, type Requests } from './vocabulary.ts';

/** What travels on a subject in one direction. */
export type Told = Broadcasts & Facts;

const toldSchemas: Record<string, z.ZodType> = { ...schemas.facts, ...schemas.broadcasts };

/** Reports as protobuf, all else as JSON. */
export function encodeMessage<S extends keyof Told>(subject: S, message: Told[S]): Uint8Array {
  if (subject === 'reports') return encodeReportFrame(message as ReportFrame);
  return encodeJson(message);
}

/** Reads what `encodeMessage` wrote; throws on what does not fit the subject. */
export function decodeMessage<S extends keyof Told>(subject: S, bytes: Uint8Array): Told[S] {
  const schema = toldSchemas[subject];
  const message = schema ? parse(schema, bytes) : decodeReportFrame(bytes);
  return message as Told[S];
}

/** Throws on what is no question of this subject. */
export function decodeQuestion<S extends keyof Requests>(
  subject: S,
  bytes: Uint8Array,
): Requests[S]['question'] {
  return parse(schemas.requests[subject].question, bytes) as Requests[S]['question'];
}

/** Throws on what is no answer of this subject. */
export function decodeAnswer<S extends keyof Requests>(subject: S, bytes: Uint8Array): Requests[S]['answer'] {
  return parse(schemas.requests[subject].answer, bytes) as Requests[S]['answer'];
}

export function encodeJson(message: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(message));
}

function parse(schema: z.ZodType, bytes: Uint8Array): unknown {
  return schema.parse(JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()));
}
