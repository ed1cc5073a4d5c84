import { setTimeout as pause } from 'node:timers/promises';
import { agentIdToBytes, type AgentId } from '@muster/agents/agent-id';
import type { Keeper } from '@muster/agents/owner';
import { timesLeft, type Session as PresenceSession } from '@muster/agents/presence';
import { yieldRefusals } from '@muster/messages/delivery';
import type { DeliveryReceipt } from '@muster/messages/delivery';
import { GatewayUnreachable } from '@muster/messages/errors';
import type { GatewayDelivery } from '@muster/messages/gateway-delivery';
import type { Claims } from './claims.ts';
import type { ContestedAgents } from './contested-agents.ts';
import type { Credentials } from './credentials.ts';
import type { DatabaseWatch } from './database-watch.ts';
import type { DesiredConfigs } from './desired-configs.ts';
import type { Standing } from './incumbents.ts';
import type { Liveness } from './liveness.ts';
import type { SequenceStreams } from './sequence-streams.ts';
import type { AgentMessage, Session } from './session.ts';
import type { Sessions } from './sessions.ts';

/**
 * How long a newcomer waits for the answer of the gateway that holds its agent. It is asked twice: the first question
 * may have gone to one that was killed a moment ago, of which the bus did not know yet.
 */
const holderAnswersWithinMs = [1_000, 1_500];
/** Holders that may be asked, one after the other. */
const holdersAtMost = 4;
/** While Presence was wiped, and what Postgres knows is not in it yet. */
const seededWithinMs = 10_000;
const lookEveryMs = 250;

/**
 * What became of an agent that wanted in. `notLetIn`: its token lets no more agents in. `foreign`: it belongs to another
 * token or certificate. `duplicate`: another live client has its uid. `undecided`: another client has its uid, and may
 * live. `renamed`: it was given another uid and did not keep it.
 */
export type Taken =
  | { kind: 'taken' }
  | { kind: 'notLetIn' }
  | { kind: 'foreign'; keeper: Keeper }
  | { kind: 'duplicate' }
  | { kind: 'undecided' }
  | { kind: 'renamed'; successor: Uint8Array };

export interface TakeoversDeps {
  database: DatabaseWatch;
  gateway: string;
  claims: Claims;
  contested: ContestedAgents;
  credentials: Credentials;
  configs: DesiredConfigs;
  delivery: GatewayDelivery;
  liveness: Pick<Liveness, 'forget'>;
  sessions: Sessions;
  streams: SequenceStreams;
}

/** Makes this gateway the holder of agents, and brings along what the last holder knew. */
export class Takeovers {
  readonly #deps: TakeoversDeps;

  constructor(deps: TakeoversDeps) {
    this.#deps = deps;
  }

  /**
   * Takes the agent over for the connection of its message. Rejects when Presence, the offer cache or the
   * bus cannot be reached.
   */
  async take(session: Session, message: AgentMessage): Promise<Taken> {
    const { credentials, claims, contested } = this.#deps;
    const { token } = message.connection;
    if (!(await credentials.mayEnroll(token, session.agent))) return { kind: 'notLetIn' };
    const claimant = message.connection.claimant(credentials.mayTakeOver(token));
    const seededUntil = Date.now() + seededWithinMs;
    let from = '';
    for (let asked = 0; asked < holdersAtMost;) {
      const outcome = await this.#claim(session, () => claims.claim(session.agent, { claimant, from }));
      if (outcome.kind === 'claimed') {
        const { takenFrom: keeper } = outcome;
        if (keeper) contested.note({ uid: session.uid, outcome: 'takenOver', keeper, claimant });
        return { kind: 'taken' };
      }
      if (outcome.kind === 'foreign') return outcome;
      if (outcome.kind === 'renamed')
        return { kind: 'renamed', successor: agentIdToBytes(outcome.successor) };
      if (outcome.kind === 'unseeded') {
        if (Date.now() > seededUntil) break;
        await pause(lookEveryMs);
        continue;
      }
      const standing = await this.#standing(outcome.gateway, session, message);
      if (standing !== 'agent') return { kind: standing === 'another' ? 'duplicate' : 'undecided' };
      from = outcome.gateway;
      asked += 1;
    }
    return { kind: 'undecided' };
  }

  /**
   * Claims an agent that is let in already, whoever holds it. `heardLast`: no other gateway can know better
   * where it stands. False: it has another name since.
   */
  async claim(session: Session, heardLast = false): Promise<boolean> {
    const { owner, remoteAddress } = session;
    const claimant = { owner, remoteAddress, mayTakeOver: false, isNamed: false };
    const terms = { claimant, isKnown: session.known };
    const outcome = await this.#claim(
      session,
      () => this.#deps.claims.claim(session.agent, terms),
      heardLast,
    );
    return outcome.kind === 'claimed';
  }

  async #claim(session: Session, ask: () => ReturnType<Claims['claim']>, heardLast = false) {
    const { socket } = session;
    session.orderedMeanwhile = false;
    const { claimed, desired } = await ask();
    if (claimed.kind !== 'claimed') return claimed;
    session.epoch = claimed.epoch;
    // A connection that came meanwhile must claim for itself.
    session.claimed = session.socket === socket;
    // Whose it is now has to be told.
    session.announced = (claimed.previous?.online ?? false) && claimed.takenFrom === undefined;
    session.former = claimed.former;
    if (!heardLast && !this.#continue(session, claimed.former)) this.#adopt(session, claimed.previous);
    if ((claimed.previous?.fingerprints ?? null) === null) session.record.unsaved = true;
    if (!session.orderedMeanwhile) {
      session.desired = desired === null ? null : this.#deps.configs.find(desired);
    }
    return claimed;
  }

  /** True when this gateway knows the agent by its former name: nobody knows better. */
  #continue(session: Session, former: AgentId | null): boolean {
    const known = former && this.#deps.sessions.find(agentIdToBytes(former));
    if (!known) return false;
    session.continue(known);
    session.socket?.rename(known.uid);
    this.#deps.liveness.forget(known);
    return true;
  }

  #adopt(session: Session, previous: PresenceSession['previous']): void {
    const heldElsewhere =
      previous !== null && previous.gateway !== null && previous.gateway !== this.#deps.gateway;
    if (session.known && !heldElsewhere) return; // Nobody knows better than this gateway.
    // One that was claimed and never checkpointed may have lost what it said with its gateway.
    session.known = previous !== null && (previous.fingerprints !== null || previous.capabilities !== 0);
    session.sequenceNum = previous?.sequenceNum ?? 0;
    session.capabilities = previous?.capabilities ?? 0;
    session.record.load(previous?.fingerprints ?? null);
    if (previous) this.#deps.database.adopted(session, previous.lastSeen);
    if (session.transport === 'websocket') session.record.forgetOffered();
  }

  /** Asks the gateway that holds the agent to let go of it, unless its own client lives and is another one. */
  async #standing(holder: string, session: Session, { connection, scan }: AgentMessage): Promise<Standing> {
    if (timesLeft(holder) > 0) return 'agent';
    const { certificate, token, link } = connection;
    const order = {
      kind: 'yield' as const,
      instanceUid: Buffer.from(session.uid),
      sequenceNum: scan.sequenceNum,
      enrollmentTokenId: token.enrollmentTokenId,
      transport: link.transport,
      resumes: this.#deps.streams.resumes(session.uid, scan.sequenceNum),
      remoteAddress: link.remoteAddress,
      ...(certificate !== null && { certificateIdentity: Buffer.from(certificate, 'hex') }),
    };
    let receipt: DeliveryReceipt | 'gone' | null = null;
    for (const withinMs of holderAnswersWithinMs) {
      receipt = await Promise.race([
        // One that runs no more holds nobody; what one that is slow holds is free when its lease has run out.
        this.#deps.delivery
          .deliver(holder, order)
          .catch((error: unknown) => (error instanceof GatewayUnreachable && error.isGone ? 'gone' : null)),
        pause(withinMs, null, { ref: false }),
      ]);
      if (receipt !== null) break;
    }
    if (receipt === 'gone') return 'agent';
    if (receipt === null) return 'undecided';
    const refused = receipt.refused[0];
    if (refused === undefined) return 'agent';
    return refused.reason === yieldRefusals.heardLately ? 'undecided' : 'another';
  }
}
