import { setTimeout as pause } from 'node:timers/promises';
import { agentIdToBytes, type AgentId } from '@muster/agents/agent-id';
import type { Session as PresenceSession } from '@muster/agents/presence';
import type { GatewayDelivery } from '@muster/messages/gateway-delivery';
import type { Claims } from './claims.ts';
import type { Credentials } from './credentials.ts';
import type { DatabaseWatch } from './database-watch.ts';
import type { DesiredConfigs } from './desired-configs.ts';
import type { Liveness } from './liveness.ts';
import type { SequenceStreams } from './sequence-streams.ts';
import type { AgentMessage, Session } from './session.ts';
import type { Sessions } from './sessions.ts';

/** The gateway that held the agent before may still be telling Presence how far the agent came. */
const lookAgainAfterMs = 150;
/** A gateway that answers later than this is as good as gone. */
const holderAnswersWithinMs = 2_500;

/**
 * What became of an agent that wanted in. `notLetIn`: its token lets no more agents in. `duplicate`: another
 * live client has its uid. `renamed`: it was given another uid and did not keep it.
 */
export type Taken =
  | { kind: 'taken' }
  | { kind: 'notLetIn' }
  | { kind: 'duplicate' }
  | { kind: 'renamed'; successor: Uint8Array };

export interface TakeoversDeps {
  database: DatabaseWatch;
  gateway: string;
  claims: Claims;
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
    const { credentials, claims } = this.#deps;
    if (!(await credentials.mayEnroll(message.connection.token, session.agent))) return { kind: 'notLetIn' };
    const { sequenceNum } = message.scan;
    const { streams } = this.#deps;
    // Whoever took the agent from a stream that goes on is to hear of it.
    const follows = streams.resumes(session.uid, sequenceNum) ? Number.MAX_SAFE_INTEGER : sequenceNum;
    const claim = () => this.#claim(session, () => claims.claim(session.agent, follows));
    let outcome = await claim();
    if (outcome.kind === 'held') {
      await pause(lookAgainAfterMs);
      outcome = await claim();
    }
    if (outcome.kind === 'held') {
      if (await this.#staysWith(outcome.gateway, session, message)) return { kind: 'duplicate' };
      outcome = await this.#claim(session, () => claims.claim(session.agent));
    }
    if (outcome.kind === 'renamed') {
      return { kind: 'renamed', successor: agentIdToBytes(outcome.successor) };
    }
    return { kind: 'taken' };
  }

  /**
   * Claims an agent that is let in already, whoever holds it. `heardLast`: no other gateway can know better
   * where it stands. False: it has another name since.
   */
  async claim(session: Session, heardLast = false): Promise<boolean> {
    const outcome = await this.#claim(session, () => this.#deps.claims.claim(session.agent), heardLast);
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
    session.announced = claimed.previous?.online ?? false;
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

  /** Asks the gateway that holds the agent to let go of it. True: its own client lives and is another one. */
  async #staysWith(holder: string, session: Session, { connection, scan }: AgentMessage): Promise<boolean> {
    const asked = this.#deps.delivery.deliver(holder, {
      kind: 'yield',
      instanceUid: Buffer.from(session.uid),
      sequenceNum: scan.sequenceNum,
      enrollmentTokenId: connection.token.enrollmentTokenId,
      transport: connection.link.transport,
      resumes: this.#deps.streams.resumes(session.uid, scan.sequenceNum),
    });
    const receipt = await Promise.race([
      // One that cannot be reached holds nobody.
      asked.catch(() => null),
      pause(holderAnswersWithinMs, null, { ref: false }),
    ]);
    return receipt !== null && receipt.refused.length > 0;
  }
}
