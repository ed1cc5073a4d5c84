import type { EventBus } from '@muster/messages/event-bus';
import type { ReportFrame } from '@muster/messages/report-frame';
import type { Log } from '@muster/platform/log';
import type { AgentId } from './agent-id.ts';
import type { AgentRenames } from './agent-renames.postgres.ts';
import { ReportRefused } from './errors.ts';
import { foldReports } from './report-folding.ts';
import type { ChangedAgent, ReportStore } from './report-store.postgres.ts';

/** Most agents in one `agents.changed`: it has to fit a bus message. */
const maxTold = 1000;

/** Takes reports to the tables and tells everybody what they changed. */
export class ReportIntake {
  readonly #store: ReportStore;
  readonly #renames: AgentRenames;
  readonly #bus: EventBus;
  readonly #log: Log;

  constructor(deps: { store: ReportStore; renames: AgentRenames; bus: EventBus; log: Log }) {
    this.#store = deps.store;
    this.#renames = deps.renames;
    this.#bus = deps.bus;
    this.#log = deps.log;
  }

  /**
   * Resolves when the reports are stored and told of. Rejects when all of it has to be taken again; with
   * `ReportRefused` when only some of it could not be stored: they are at fault, and to be found by taking fewer.
   */
  async take(frames: readonly ReportFrame[]): Promise<void> {
    const renamed = await this.#renames.carryOut(frames);
    const { agents, notes } = await foldReports(await this.#renames.present(frames));
    for (const note of notes) this.#log.warn(note, 'a report could not be kept as it came');
    const refused = new Map<AgentId, unknown>();
    await this.tell([...renamed, ...(await this.#store.write(agents, refused))]);
    const [first] = refused;
    if (first) throw new ReportRefused(...first);
  }

  /** Publishes `agents.changed`. */
  async tell(changed: readonly ChangedAgent[]): Promise<void> {
    for (let start = 0; start < changed.length; start += maxTold) {
      await this.#bus.publish('agents.changed', { agents: changed.slice(start, start + maxTold) });
    }
  }
}
