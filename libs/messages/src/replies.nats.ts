import {
  headers,
  type Msg,
  type MsgHdrs,
  type Subscription as NatsSubscription,
} from '@nats-io/transport-node';
import { inTime } from './connection.nats.ts';
import { RequestFailed } from './errors.ts';

const errorHeader = 'Muster-Error';
const longestReason = 1_000;

/** Sends the answer back, or why there is none. Never rejects. */
export async function reply(question: Msg, answer: () => Promise<Uint8Array> | Uint8Array): Promise<void> {
  try {
    question.respond(await answer());
  } catch (error) {
    try {
      question.respond(undefined, { headers: failureHeaders(error) });
    } catch {
      // The connection is gone, and with it the asker.
    }
  }
}

function failureHeaders(error: unknown): MsgHdrs {
  const failure = headers();
  const reason = error instanceof Error ? error.message : String(error);
  // A header is one line, and no document.
  const line = reason
    .slice(0, longestReason)
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .toWellFormed()
    .trim();
  failure.set(errorHeader, line || 'unknown');
  return failure;
}

/** The payload of what `reply` sent; throws `RequestFailed` when that was a failure. */
export function payloadOf(answer: Msg): Uint8Array {
  const failure = answer.headers?.get(errorHeader);
  if (failure) throw new RequestFailed(failure);
  return answer.data;
}

/** Lets what has arrived be heard, then ends. */
export async function unsubscribe(subscription: NatsSubscription): Promise<void> {
  if (!subscription.isClosed()) await inTime(subscription.drain());
}
