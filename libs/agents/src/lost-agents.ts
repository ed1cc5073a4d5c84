import type { Transport } from '@muster/messages/report-frame';
import type { AgentId } from './agent-id.ts';
import type { AgentSessions, ConnectedRow } from './agent-sessions.postgres.ts';
import type { Presence } from './presence.ts';
import type { ReportIntake } from './report-intake.ts';

/** More that are lost at once are found in the next pass. */
const suspectsAtMost = 50_000;
/** Asked for at once. */
const confirmedAtOnce = 5_000;

export interface LostAgentsOptions {
  presence: Presence;
  sessions: AgentSessions;
  intake: ReportIntake;
  /** Milliseconds between the starts of two passes; one that takes longer is followed by the next at once. */
  passEveryMs: number;
  /** Milliseconds without a holder after which an agent is lost: gateways take agents back when Presence was wiped. */
  graceMs: Record<Transport, number>;
}

interface Suspect {
  row: ConnectedRow;
  /** Unix milliseconds. */
  since: number;
}

/**
 * Looks for agents whose row says connected and whom no gateway holds, for as long as the process runs: their
 * gateway was cut off after it had let go of them, and what it had to say of them went with it. One page of the
 * table at a time, so that a look costs the same however many agents there are.
 */
export class LostAgents {
  readonly #options: LostAgentsOptions;
  readonly #suspects = new Map<AgentId, Suspect>();
  /** Where the pass under way goes on; undefined: there is none. */
  #after: AgentId | null | undefined;
  #nextPassAt: number;

  constructor(options: LostAgentsOptions, now: number) {
    this.#options = options;
    this.#nextPassAt = now + options.passEveryMs;
  }

  /** Looks at the next page when it is time, and marks those as disconnected that have been without a holder for too long. */
  async turn(now: number): Promise<void> {
    if (this.#after === undefined && now >= this.#nextPassAt) {
      this.#after = null;
      this.#nextPassAt = now + this.#options.passEveryMs;
    }
    if (this.#after !== undefined) await this.#lookAtPage(this.#after, now);
    await this.#confirm(now);
  }

  async #lookAtPage(after: AgentId | null, now: number): Promise<void> {
    const { presence, sessions } = this.#options;
    const { connected, last } = await sessions.page(after);
    this.#after = last ?? undefined;
    if (connected.length === 0) return;
    const holders = await presence.locate(connected.map(({ agent }) => agent));
    for (const row of connected) {
      if (holders.has(row.agent) || this.#suspects.size >= suspectsAtMost) continue;
      if (this.#suspects.get(row.agent)?.row.epoch !== row.epoch)
        this.#suspects.set(row.agent, { row, since: now });
    }
  }

  async #confirm(now: number): Promise<void> {
    const { presence, sessions, intake, graceMs } = this.#options;
    const due: ConnectedRow[] = [];
    for (const { row, since } of this.#suspects.values()) {
      if (now - since >= graceMs[row.transport]) due.push(row);
      if (due.length === confirmedAtOnce) break;
    }
    if (due.length === 0) return;
    const holders = await presence.locate(due.map(({ agent }) => agent));
    const lost = await sessions.markLost(due.filter(({ agent }) => !holders.has(agent)));
    for (const { agent } of due) this.#suspects.delete(agent);
    await intake.tell(lost.map((uid) => ({ uid, changes: ['disconnected'] })));
  }
}
