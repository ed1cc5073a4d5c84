import type { Session as PresenceSession } from '@muster/agents/presence';
import type { Claims } from './claims.ts';
import type { Credentials } from './credentials.ts';
import type { DesiredConfigs } from './desired-configs.ts';
import type { Connection, Session } from './session.ts';

/** Makes this gateway the holder of agents, and brings along what the last holder knew. */
export class Takeovers {
  readonly #gateway: string;
  readonly #claims: Claims;
  readonly #credentials: Credentials;
  readonly #configs: DesiredConfigs;

  constructor(gateway: string, claims: Claims, credentials: Credentials, configs: DesiredConfigs) {
    this.#gateway = gateway;
    this.#claims = claims;
    this.#credentials = credentials;
    this.#configs = configs;
  }

  /**
   * Takes the agent over for its present connection. Answers whether another gateway held it until now,
   * and may not have told yet how far it came; null when the agent is not let in. Rejects when Presence,
   * the offer cache or the bus cannot be reached.
   */
  async take(session: Session, connection: Connection): Promise<{ fromOtherGateway: boolean } | null> {
    if (!(await this.#credentials.mayEnroll(connection.token, session.agent))) return null;
    return this.claim(session);
  }

  /** The same for an agent that is let in already. */
  async claim(session: Session): Promise<{ fromOtherGateway: boolean }> {
    const { socket } = session;
    session.orderedMeanwhile = false;
    const { session: left, desired } = await this.#claims.claim(session.agent);
    session.epoch = left.epoch;
    // A connection that came meanwhile must claim for itself.
    session.claimed = session.socket === socket;
    session.announced = left.previous?.online ?? false;
    this.#adopt(session, left.previous);
    if (!session.orderedMeanwhile) session.desired = desired === null ? null : this.#configs.find(desired);
    return { fromOtherGateway: session.announced && left.previous!.gateway !== this.#gateway };
  }

  #adopt(session: Session, previous: PresenceSession['previous']): void {
    const heldElsewhere =
      previous !== null && previous.gateway !== null && previous.gateway !== this.#gateway;
    if (session.known && !heldElsewhere) return; // Nobody knows better than this gateway.
    // One that was claimed and never checkpointed may have lost what it said with its gateway.
    session.known = previous !== null && (previous.fingerprints !== null || previous.capabilities !== 0);
    session.sequenceNum = previous?.sequenceNum ?? 0;
    session.capabilities = previous?.capabilities ?? 0;
    session.record.load(previous?.fingerprints ?? null);
    if (session.transport === 'websocket') session.record.forgetOffered();
  }
}
