import { headers, type Msg, type Subscription as NatsSubscription } from '@nats-io/transport-node';
import { inTime } from './connection.nats.ts';
import { RequestFailed } from './errors.ts';

const errorHeader = 'Muster-Error';

/** Sends the answer back, or why there is none. Never rejects. */
export async function reply(question: Msg, answer: () => Promise<Uint8Array> | Uint8Array): Promise<void> {
  try {
    question.respond(await answer());
  } catch (error) {
    const failure = headers();
    // A header is one line.
    const reason = error instanceof Error ? error.message : String(error);
    failure.set(errorHeader, reason.replaceAll(/\s+/g, ' ').trim() || 'unknown');
    question.respond(undefined, { headers: failure });
  }
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
