import type { Report, ReportFrame } from '@muster/messages/report-frame';
import { agentIdToBytes, type AgentId } from './agent-id.ts';
import type { AgentSessions } from './agent-sessions.postgres.ts';
import type { Mark, Presence, SeedRecord } from './presence.ts';
import type { ReportIntake } from './report-intake.ts';

const maxReleased = 1000;

/** Keeps Presence and the tables in agreement where no gateway can: it died, or Presence was wiped. */
export class PresenceUpkeep {
  readonly #presence: Presence;
  readonly #sessions: AgentSessions;
  readonly #intake: ReportIntake;
  /** Released already, so nobody else reports them: kept until they are stored. */
  #unstored: ReportFrame[] = [];

  constructor(deps: { presence: Presence; sessions: AgentSessions; intake: ReportIntake }) {
    this.#presence = deps.presence;
    this.#sessions = deps.sessions;
    this.#intake = deps.intake;
  }

  /** Gives Presence what the tables know, when it is new or was wiped. */
  async seed(): Promise<void> {
    if (await this.#presence.isSeeded()) return;
    const records: SeedRecord[] = [];
    for await (const page of this.#sessions.all()) records.push(...page);
    // At once: the first call marks it as seeded for everybody.
    await this.#presence.seed(records);
  }

  /** Reports the agents of gateways whose lease has run out as disconnected, unless they came back elsewhere. */
  async releaseExpired(now: number): Promise<void> {
    await this.#storeReleased();
    for (const gateway of await this.#presence.expiredGateways()) {
      const held = await this.#presence.heldBy(gateway);
      for (let start = 0; start < held.length; start += maxReleased) {
        await this.#release(gateway, held.slice(start, start + maxReleased), now);
      }
      await this.#presence.endLease(gateway);
    }
  }

  /**
   * Marks agents as disconnected whose row says connected and whom no gateway holds. For the start of the
   * process, when gateways had time to take back who is still there.
   */
  async markLost(): Promise<void> {
    for await (const rows of this.#sessions.connected()) {
      const holders = await this.#presence.locate(rows.map(({ agent }) => agent));
      const lost = await this.#sessions.markLost(rows.filter(({ agent }) => !holders.has(agent)));
      await this.#intake.tell(lost.map((uid) => ({ uid, changes: ['disconnected'] })));
    }
  }

  async #release(
    gateway: string,
    held: readonly { agent: AgentId; epoch: number }[],
    now: number,
  ): Promise<void> {
    const released = new Set(await this.#presence.release(gateway, held.map(unchangedMark)));
    const gone = held.filter(({ agent }) => released.has(agent));
    this.#unstored.push({ gateway, reports: gone.map(({ agent, epoch }) => endOf(agent, epoch, now)) });
    await this.#storeReleased();
  }

  async #storeReleased(): Promise<void> {
    const frames = this.#unstored.filter(({ reports }) => reports.length > 0);
    await this.#intake.take(frames);
    this.#unstored = [];
  }
}

/** Says nothing new of the session; only its gateway knows. */
function unchangedMark({ agent, epoch }: { agent: AgentId; epoch: number }): Mark {
  return { agent, epoch, sequenceNum: null, lastSeen: 0, capabilities: 0, fingerprints: null };
}

function endOf(agent: AgentId, epoch: number, now: number): Report {
  return {
    instanceUid: agentIdToBytes(agent),
    epoch,
    sequenceNum: 0,
    receivedAt: now,
    agentToServer: new Uint8Array(),
    connected: false,
    disconnected: true,
    transport: 'websocket',
    remoteAddress: '',
    enrollmentTokenId: '',
    offeredConfigHash: new Uint8Array(),
    offerError: '',
    formerInstanceUid: new Uint8Array(),
    componentsContent: new Uint8Array(),
  };
}
