import { headers, type Msg, type MsgHdrs } from '@nats-io/transport-node';

/** Names the one group that a message is for; others let it pass. */
const groupHeader = 'Muster-Group';
/** A part of a message that processes died on. */
const suspectHeader = 'Muster-Suspect';

/** Deliveries after which a message is suspected: those before ended with no word of a process. */
const suspectAfter = 3;
/** Deliveries after which it is not handled any more. */
const givenUpAfter = { whole: 6, part: 4 };
/** Deliveries after that, after which not even its bytes are looked at. */
const untouchableAfter = 3;

/** How often JetStream has delivered a message, this time included; its acknowledgement subject tells. */
export function deliveriesOf(message: Msg): number {
  const tokens = message.reply?.split('.') ?? [];
  // $JS.ACK.<stream>.<consumer>.<deliveries>…, or with domain and account in front of the stream.
  return Number(tokens[tokens.length <= 9 ? 4 : 6]) || 1;
}

/** Is it for this group at all? */
export function isFor(group: string, message: Msg): boolean {
  const named = message.headers?.get(groupHeader);
  return !named || named === group;
}

/**
 * What the deliveries of a message say. `suspect`: processes may have died on it, so it is handled
 * alone, or divided. `hopeless`: it was alone then, too. `untouchable`: setting it aside was no better.
 */
export function standingOf(message: Msg): 'innocent' | 'suspect' | 'hopeless' | 'untouchable' {
  const isPart = message.headers?.get(suspectHeader) === '1';
  const deliveries = deliveriesOf(message);
  const last = isPart ? givenUpAfter.part : givenUpAfter.whole;
  if (deliveries >= last + untouchableAfter) return 'untouchable';
  if (deliveries >= last) return 'hopeless';
  return isPart || deliveries >= suspectAfter ? 'suspect' : 'innocent';
}

/** Headers of a message that goes to one group again. */
export function headersFor(group: string, { suspect = false } = {}): MsgHdrs {
  const named = headers();
  named.set(groupHeader, group);
  if (suspect) named.set(suspectHeader, '1');
  return named;
}
