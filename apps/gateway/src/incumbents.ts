import type { Transport } from '@muster/messages/report-frame';
import type { Guesses } from './guesses.ts';
import { uidKey, type Connection, type Session } from './session.ts';

const contestsKept = 10_000;
const contestKeptMs = 10 * 60_000;

/** What a newcomer says of itself. */
export interface Newcomer {
  sequenceNum: number;
  transport: Transport;
  remoteAddress: string;
  /** The agent belongs to what let the newcomer in; false: an operator allowed it all the same. */
  isOwner: boolean;
}

/**
 * Who a client is that brings the uid of an agent which is here: the `agent` itself, or `another` client.
 * `undecided`: the agent was heard a moment ago, and nobody can be asked whether it lives.
 */
export type Standing = 'agent' | 'another' | 'undecided';

/**
 * Tells an agent that comes back from another client with its uid (spec "Duplicate instance_uid Detection"). Its own
 * numbers, which can be guessed, prove nothing while its last connection lives.
 */
export class Incumbents {
  readonly #quietMs: number;
  readonly #guesses: Guesses;
  /** When a newcomer came first, by uid and address; the one that came longest ago first. */
  readonly #since = new Map<string, number>();

  /** `quietMs`: an agent that was silent for so long, though it should have been heard, is where its uid is. */
  constructor(quietMs: number, guesses: Guesses) {
    this.#quietMs = quietMs;
    this.#guesses = guesses;
  }

  /** `ask`: the client of the agent's WebSocket must be asked whether it lives; then `afterAsking` knows. */
  judge(session: Session, newcomer: Newcomer, now: number): Standing | 'ask' {
    if (session.socket !== null) return session.socket.lost ? 'agent' : 'ask';
    if (session.transport !== 'http' || !session.claimed) return 'agent';
    if (newcomer.transport === 'http' && newcomer.isOwner) {
      // Two clients that poll from there are told apart by their numbers.
      if (newcomer.remoteAddress === session.remoteAddress) return 'agent';
      const follows = session.known && newcomer.sequenceNum === session.sequenceNum + 1;
      if (follows && !this.#guesses.locked(session.uid, now)) return 'agent';
      this.#guesses.wrong(session.uid, now);
    }
    return this.#bySilence(session, newcomer, now);
  }

  /** `lives`: what became of the question whether the client of `holder` lives. */
  afterAsking(
    session: Session,
    holder: Connection,
    lives: boolean,
    newcomer: Newcomer,
    now: number,
  ): Standing {
    if (!lives || session.socket !== holder) return 'agent';
    // A socket that carries others too may live without this agent.
    return holder.onlySession === null ? this.#bySilence(session, newcomer, now) : 'another';
  }

  /** Seconds after which an undecided newcomer should come again. */
  retryAfterSeconds(session: Session, now: number): number {
    return Math.max(1, Math.ceil((session.lastSeen + this.#quietMs - now) / 1_000));
  }

  /** Of two that cannot be asked, both live if the agent goes on after the newcomer came. */
  #bySilence(session: Session, { remoteAddress, transport }: Newcomer, now: number): Standing {
    if (now - session.lastSeen >= this.#quietMs) return 'agent';
    const key = `${uidKey(session.uid)} ${transport} ${remoteAddress}`;
    const since = this.#since.get(key);
    if (since !== undefined && since + contestKeptMs > now) {
      return session.lastSeen > since ? 'another' : 'undecided';
    }
    this.#since.delete(key);
    this.#since.set(key, now);
    if (this.#since.size > contestsKept) this.#since.delete(this.#since.keys().next().value!);
    return 'undecided';
  }
}
