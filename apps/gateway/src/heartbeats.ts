import { answer, answerUidAt } from '@muster/opamp/server-to-agent';
import type { Checkpoints } from './checkpoints.ts';
import { lacksState } from './full-state-requests.ts';
import { offerIsDue } from './offers.ts';
import { serverCapabilities } from './server-capabilities.ts';
import type { Connection, Session } from './session.ts';
import type { Sessions } from './sessions.ts';

const uidTag = 0x0a;
const uidLength = 16;
/** After the header byte, tag and length of the uid. */
const uidAt = 3;
const uidEnd = uidAt + uidLength;
/** Two numbers of ten bytes at most, with their tags. */
const largest = uidEnd + 22;
const sequenceNumTag = 0x10;
const capabilitiesTag = 0x20;

/** Written again for each agent: what is sent is copied. */
const plainAnswer = answer(new Uint8Array(uidLength), serverCapabilities);

/**
 * Answers heartbeats of agents that nothing waits for: uid, the number that follows and the capabilities as
 * known, in the order in which every protobuf library writes them. They are nearly all that a gateway hears,
 * and go through here without anything being made for them. Everything else is left to the usual way.
 */
export class Heartbeats {
  readonly #sessions: Sessions;
  readonly #checkpoints: Checkpoints;

  constructor(sessions: Sessions, checkpoints: Checkpoints) {
    this.#sessions = sessions;
    this.#checkpoints = checkpoints;
  }

  /** Takes a WebSocket message if it is such a heartbeat; false: it has to go the usual way. */
  take(connection: Connection, bytes: Uint8Array, now: number): boolean {
    const { length } = bytes;
    if (length > largest || bytes[0] !== 0 || bytes[1] !== uidTag || bytes[2] !== uidLength) return false;
    const session = this.#sender(connection, bytes);
    if (session === null || !isQuiet(session)) return false;
    const end = endOf(bytes, uidEnd, sequenceNumTag, session.sequenceNum + 1);
    if (end === -1) return false;
    if (end < length && endOf(bytes, end, capabilitiesTag, session.capabilities) !== length) return false;
    if (offerIsDue(session, now, false)) return false;
    session.sequenceNum += 1;
    session.lastSeen = now;
    this.#checkpoints.note(session);
    session.record.copyUid(plainAnswer, answerUidAt);
    connection.malformedInARow = 0;
    connection.link.send(plainAnswer);
    return true;
  }

  #sender(connection: Connection, bytes: Uint8Array): Session | null {
    const only = connection.onlySession;
    if (only !== null) return only.record.isAt(bytes, uidAt) ? only : null;
    const session = this.#sessions.find(bytes.subarray(uidAt, uidEnd));
    return session?.socket === connection ? session : null;
  }
}

/** Nothing is under way between the agent and this gateway, and nothing has to be told or asked. */
function isQuiet(session: Session): boolean {
  return (
    session.claimed &&
    session.known &&
    session.announced &&
    session.inbox === null &&
    session.former === null &&
    !session.fullStateAsked &&
    !session.restartWaits &&
    !session.componentsWanted &&
    !lacksState(session)
  );
}

/** The end of a field that holds `value` (up to 2^53), written as short as can be; -1: it does not. */
function endOf(bytes: Uint8Array, start: number, tag: number, value: number): number {
  if (bytes[start] !== tag) return -1;
  let at = start + 1;
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) if (bytes[at++] !== (rest % 0x80) + 0x80) return -1;
  return bytes[at] === rest ? at + 1 : -1;
}
