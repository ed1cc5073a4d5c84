import type { Report, ReportFrame, Transport } from '@muster/messages/report-frame';
import { agentIdToBytes, type AgentId } from './agent-id.ts';
import type { AgentSessions } from './agent-sessions.postgres.ts';
import { timesLeft, unchangedMark, type HeldAgent, type Presence, type SeedRecord } from './presence.ts';
import type { ReportIntake } from './report-intake.ts';

const maxReleased = 1000;
/**
 * A gateway may have left its agents when it stopped; then they wait for their turn, and a few are turned away
 * once more. A queue that never ends keeps nobody connected for ever.
 */
const timesLeftAtMost = 3;
/** Agents on plain HTTP are left in so many groups at most, each until the last of it has been silent for too long. */
const silenceGroups = 10;

/** Keeps Presence and the tables in agreement where no gateway can: it died, or Presence was wiped. */
export class PresenceUpkeep {
  readonly #presence: Presence;
  readonly #sessions: AgentSessions;
  readonly #intake: ReportIntake;
  readonly #httpSilenceMs: number;
  /** Released already, so nobody else reports them: kept until they are stored. */
  #unstored: ReportFrame[] = [];

  /** `httpSilenceMs`: how long an agent on plain HTTP may be silent. */
  constructor(deps: {
    presence: Presence;
    sessions: AgentSessions;
    intake: ReportIntake;
    httpSilenceMs: number;
  }) {
    this.#presence = deps.presence;
    this.#sessions = deps.sessions;
    this.#intake = deps.intake;
    this.#httpSilenceMs = deps.httpSilenceMs;
  }

  /** Gives Presence what the tables know, when it is new or was wiped. */
  async seed(): Promise<void> {
    if (await this.#presence.isSeeded()) return;
    const records: SeedRecord[] = [];
    for await (const page of this.#sessions.all()) records.push(...page);
    // At once: the first call marks it as seeded for everybody.
    await this.#presence.seed(records, await this.#sessions.renames());
  }

  /**
   * Reports the agents of gateways whose lease has run out as disconnected, unless they came back elsewhere.
   * While gateways have agents in their queue, those of a dead one may be among them, and wait as they were
   * told: they are left alone until the last in the queue has had its turn. Agents on plain HTTP do not know
   * that their gateway is gone before they poll again: they are left alone as long as they may be silent.
   */
  async releaseExpired(now: number): Promise<void> {
    await this.#storeReleased();
    for (const gateway of await this.#presence.expiredGateways()) {
      const held = await this.#presence.heldBy(gateway);
      const returnsWithin = timesLeft(gateway) < timesLeftAtMost ? await this.#presence.returnsWithin() : 0;
      if (returnsWithin > 0) await this.#presence.leave(gateway, held.map(unchangedMark), returnsWithin);
      else await this.#releaseAll(gateway, await this.#leavePolling(gateway, held, now), now);
      await this.#presence.endLease(gateway);
    }
  }

  /**
   * Marks agents as disconnected whose row says connected over `transport` and whom no gateway holds. For the
   * start of the process, when gateways had time to take back who is still there.
   */
  async markLost(transport: Transport): Promise<void> {
    for await (const rows of this.#sessions.connected(transport)) {
      const holders = await this.#presence.locate(rows.map(({ agent }) => agent));
      const lost = await this.#sessions.markLost(rows.filter(({ agent }) => !holders.has(agent)));
      await this.#intake.tell(lost.map((uid) => ({ uid, changes: ['disconnected'] })));
    }
  }

  /** Leaves agents on plain HTTP that have not been silent for too long. Answers the others. */
  async #leavePolling(gateway: string, held: readonly HeldAgent[], now: number): Promise<HeldAgent[]> {
    const polling = await this.#sessions.polling(held.map(({ agent }) => agent));
    const lastSeen = await this.#presence.lastSeen([...polling]);
    const stepMs = Math.ceil(this.#httpSilenceMs / silenceGroups);
    const stepsLeft = ({ agent }: HeldAgent) => {
      const leftMs = (lastSeen.get(agent) ?? 0) + this.#httpSilenceMs - now;
      // A gateway's clock may be ahead.
      return Math.min(Math.max(Math.ceil(leftMs / stepMs), 0), silenceGroups);
    };
    const { 0: gone = [], ...left } = Object.groupBy(held, stepsLeft);
    for (const [steps, agents] of Object.entries(left)) {
      await this.#presence.leave(gateway, agents!.map(unchangedMark), Number(steps) * stepMs);
    }
    return gone;
  }

  async #releaseAll(gateway: string, held: readonly HeldAgent[], now: number): Promise<void> {
    for (let start = 0; start < held.length; start += maxReleased) {
      await this.#release(gateway, held.slice(start, start + maxReleased), now);
    }
  }

  async #release(gateway: string, held: readonly HeldAgent[], now: number): Promise<void> {
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
