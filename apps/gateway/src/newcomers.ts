import { setTimeout as pause } from 'node:timers/promises';
import { mayClaim, type Keeper } from '@muster/agents/owner';
import { closeReasons } from './agent-link.ts';
import type { ContestedAgents } from './contested-agents.ts';
import type { Credentials } from './credentials.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import type { Incumbents, Newcomer, Standing } from './incumbents.ts';
import type { Refusals } from './refusals.ts';
import type { Reidentifications } from './reidentifications.ts';
import { keepMessage, uidKey, type AgentMessage, type Connection, type Session } from './session.ts';
import type { Sessions } from './sessions.ts';

/** Messages of one newcomer that may wait. */
const waitingAtMost = 100;
/** How long a newcomer may wait for another's claim of the agent to be judged. */
const claimJudgedWithinMs = 3_000;
const lookEveryMs = 20;

export interface NewcomersDeps {
  sessions: Sessions;
  incumbents: Incumbents;
  refusals: Refusals;
  reidentifications: Reidentifications;
  contested: ContestedAgents;
  credentials: Credentials;
  metrics: GatewayMetrics;
}

/**
 * Decides about connections that bring a uid which is here already: one that has no right to the agent is refused;
 * for others see `Incumbents`. While it is not known, the newcomer's messages wait.
 */
export class Newcomers {
  readonly #deps: NewcomersDeps;
  readonly #waiting = new Map<Connection, Map<string, AgentMessage[]>>();

  constructor(deps: NewcomersDeps) {
    this.#deps = deps;
  }

  /** True when the message is looked after: answered, or it waits and is `put` later. */
  keepBack(message: AgentMessage, put: (message: AgentMessage) => void): boolean {
    const { sessions, refusals, reidentifications, incumbents } = this.#deps;
    const { connection, scan, receivedAt } = message;
    const uid = scan.instanceUid!;
    if (connection.wasRenamed(uid)) {
      reidentifications.acknowledge(connection, uid);
      return true;
    }
    const waiting = this.#waiting.get(connection)?.get(uidKey(uid));
    if (waiting) {
      if (waiting.length < waitingAtMost) waiting.push(keepMessage(message));
      else reidentifications.acknowledge(connection, uid);
      return true;
    }
    const refusedFor = refusals.lately(connection, uid);
    if (refusedFor !== null) {
      refusals.refuse(connection, uid, refusedFor);
      return true;
    }
    const session = sessions.find(uid);
    if (session === null || session.socket === connection) return false;
    const isOwner = connection.owns(session);
    if (!isOwner && !session.claimed) {
      // Whose the agent is, is just being asked: who asked first may have no right to it.
      if (session.inbox === null) return false;
      void this.#keep(message, put, () => judged(session));
      return true;
    }
    if (!isOwner && !this.#mayClaim(session, connection)) {
      refusals.refuse(connection, uid, keeperOf(session));
      return true;
    }
    const standing = incumbents.judge(session, toNewcomer(message, isOwner), receivedAt);
    if (standing === 'agent') return false;
    if (standing === 'ask') void this.#askAndDecide(session, message, isOwner, put);
    else this.#sendAway(session, message, standing);
    return true;
  }

  /** Who a client at another gateway is that brings the uid of an agent here. */
  async standing(session: Session, newcomer: Newcomer): Promise<Standing> {
    const { incumbents } = this.#deps;
    const standing = incumbents.judge(session, newcomer, Date.now());
    if (standing !== 'ask') return standing;
    const holder = session.socket!;
    const lives = await holder.provesAlive();
    return incumbents.afterAsking(session, holder, lives, newcomer, Date.now());
  }

  /** An agent came in whose last connection was open, though nobody answered there. */
  noteTakeover(uid: Uint8Array, keeper: Keeper, claimant: Keeper): void {
    this.#deps.contested.note({ uid, outcome: 'takenOver', keeper, claimant });
  }

  #mayClaim(session: Session, connection: Connection): boolean {
    const mayTakeOver = this.#deps.credentials.mayTakeOver(connection.token);
    return mayClaim(session.owner, connection.claimant(mayTakeOver));
  }

  async #askAndDecide(
    session: Session,
    message: AgentMessage,
    isOwner: boolean,
    put: (message: AgentMessage) => void,
  ): Promise<void> {
    const { sessions, incumbents } = this.#deps;
    const { connection } = message;
    const holder = session.socket!;
    const newcomer = toNewcomer(message, isOwner);
    const uid = Buffer.from(session.uid);
    let standing: Standing = 'agent';
    const enter = (first: AgentMessage) => {
      if (standing !== 'agent') return this.#sendAway(session, first, standing);
      put(first);
    };
    await this.#keep(message, enter, async () => {
      const lives = await holder.provesAlive();
      standing = incumbents.afterAsking(session, holder, lives, newcomer, Date.now());
      if (standing !== 'agent' || connection.lost) return;
      // One that changes hands is noted with its claim.
      if (isOwner && !holder.lost && session.socket === holder) {
        this.noteTakeover(uid, keeperOf(session, holder), keeperOf(session, connection));
      }
      sessions.enter(connection, uid);
    });
  }

  /** Has the connection's messages for this agent wait until `work` is done, then `then` each of them. */
  async #keep(
    message: AgentMessage,
    then: (message: AgentMessage) => void,
    work: () => Promise<void>,
  ): Promise<void> {
    const first = keepMessage(message);
    const { connection, scan } = first;
    const uid = uidKey(scan.instanceUid!);
    const waiting = [first];
    const ofConnection = this.#waiting.get(connection) ?? new Map<string, AgentMessage[]>();
    this.#waiting.set(connection, ofConnection.set(uid, waiting));
    await work();
    ofConnection.delete(uid);
    if (ofConnection.size === 0) this.#waiting.delete(connection);
    if (connection.lost) return;
    for (const one of waiting) then(one);
  }

  #sendAway(session: Session, message: AgentMessage, standing: 'another' | 'undecided'): void {
    const { reidentifications, incumbents, metrics } = this.#deps;
    const { connection } = message;
    if (standing === 'another') return reidentifications.separate(message, session);
    metrics.refused += 1;
    const retryAfterSeconds = incumbents.retryAfterSeconds(session, Date.now());
    connection.link.refuse({ kind: 'unavailable', instanceUid: session.uid, retryAfterSeconds });
    if (connection.agents === 0) connection.link.close(closeReasons.unavailable);
  }
}

function toNewcomer({ connection, scan }: AgentMessage, isOwner: boolean): Newcomer {
  const { transport, remoteAddress } = connection.link;
  return { sequenceNum: scan.sequenceNum, transport, remoteAddress, isOwner };
}

/** Whose the agent is, and from where that speaks. */
function keeperOf(session: Session, connection: Connection | null = session.socket): Keeper {
  return { owner: session.owner, remoteAddress: connection?.link.remoteAddress ?? session.remoteAddress };
}

async function judged(session: Session): Promise<void> {
  const until = Date.now() + claimJudgedWithinMs;
  while (!session.claimed && session.inbox !== null && Date.now() < until) await pause(lookEveryMs);
}
