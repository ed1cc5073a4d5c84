import { MalformedMessage } from '@muster/opamp/errors';
import type { AgentId } from './agent-id.ts';
import { redactContent, type ContentField, type RedactedContent } from './content-redaction.ts';
import { readSubMessage, type ReadField, type Reading } from './sub-message-reading.ts';

/** What cannot be read is an answer here: a class is lost on the way between threads. */
export type Outcome<T> = { readonly done: T } | { readonly malformed: string };

export function read(input: { field: ReadField; uid: AgentId; body: Uint8Array }): Outcome<Reading> {
  return outcomeOf(() => readSubMessage(input.field, input.uid, input.body));
}

export function redact(input: { field: ContentField; body: Uint8Array }): Outcome<RedactedContent> {
  return outcomeOf(() => redactContent(input.field, input.body));
}

function outcomeOf<T>(work: () => T): Outcome<T> {
  try {
    return { done: work() };
  } catch (error) {
    if (error instanceof MalformedMessage) return { malformed: error.message };
    throw error;
  }
}
