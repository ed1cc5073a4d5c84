import type { AgentId } from '@muster/agents/agent-id';
import type { Tx } from '@muster/db/transaction';
import type { Log } from '@muster/platform/log';
import type { ConvergenceStore } from './convergence-store.postgres.ts';
import type { DesiredState } from './desired-state.ts';
import { windowAt } from './maintenance-windows.ts';
import { Pace } from './pace.ts';
import { notesOf, type RenderedConfigs } from './rendered-configs.postgres.ts';

const defaultPerSecond = 20;
/** The sweep finds the others when these have been served. */
const maxWaiting = 10_000;
/** A fleet that cannot be served is left alone for so long, and twice as long each further time. */
const firstPauseMs = 1_000;
const longestPauseMs = 300_000;

export interface ConvergenceDeps {
  readonly store: ConvergenceStore;
  readonly rendered: RenderedConfigs;
  readonly desiredState: DesiredState;
  readonly transact: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;
  readonly now: () => number;
  readonly log: Log;
}

/** A fleet that could not be served. */
interface Pause {
  readonly ms: number;
  readonly until: number;
  readonly reason: string;
}

/**
 * Keeps the agents of a fleet on its stable version: who comes to the fleet, or comes back to it, is given
 * that version at the fleet's pace. Waiting agents are only remembered here, and found again by `sweep`.
 */
export class Convergence {
  readonly #deps: ConvergenceDeps;
  readonly #waiting = new Map<string, Set<AgentId>>();
  readonly #paces = new Map<string, Pace>();
  readonly #pauses = new Map<string, Pause>();

  constructor(deps: ConvergenceDeps) {
    this.#deps = deps;
  }

  /** Agents that have changed: those that are not on their fleet's stable version begin to wait for it. */
  async consider(agents: readonly AgentId[]): Promise<void> {
    if (agents.length === 0) return;
    this.#remember(await this.#deps.store.strays(agents, agents.length));
  }

  /** The same for all agents. */
  async sweep(): Promise<void> {
    this.#remember(await this.#deps.store.strays(null, maxWaiting));
  }

  /**
   * Gives waiting agents their target, as many as the pace of each fleet lets through now, inside its windows.
   * What goes wrong in one fleet is logged, and holds up no other.
   */
  async advance(): Promise<void> {
    for (const [fleet, waiting] of this.#waiting) {
      if ((this.#pauses.get(fleet)?.until ?? 0) > this.#deps.now()) continue;
      try {
        await this.#serve(fleet, waiting);
        this.#pauses.delete(fleet);
      } catch (error) {
        this.#pause(fleet, error);
      }
    }
  }

  async #serve(fleet: string, waiting: Set<AgentId>): Promise<void> {
    const policy = await this.#deps.store.policy(fleet);
    if (policy && !windowAt(policy.windows, this.#deps.now()).open) return;
    const perSecond = policy?.perSecond ?? defaultPerSecond;
    const pace = this.#pace(fleet, perSecond);
    const next = [...waiting].slice(0, pace.take(waiting.size, perSecond, this.#deps.now()));
    if (next.length > 0) pace.giveBack(next.length - (await this.#converge(fleet, next)));
    for (const agent of next) waiting.delete(agent);
    if (waiting.size === 0) this.#waiting.delete(fleet);
  }

  /** The same reason is logged once, however often it is tried. */
  #pause(fleet: string, error: unknown): void {
    const { log, now } = this.#deps;
    const known = this.#pauses.get(fleet);
    const ms = known ? Math.min(longestPauseMs, known.ms * 2) : firstPauseMs;
    const reason = error instanceof Error ? error.message : String(error);
    if (known?.reason !== reason)
      log.error({ err: error, fleet }, 'agents of a fleet cannot be given its stable version; trying again');
    this.#pauses.set(fleet, { ms, until: now() + ms, reason });
  }

  /** Answers how many got a target: the others are where they should be by now, or failed that version before. */
  #converge(fleet: string, agents: readonly AgentId[]): Promise<number> {
    const { store, rendered, desiredState, transact } = this.#deps;
    return transact(async (tx) => {
      const stable = await store.lockStable(tx, fleet);
      if (!stable) return 0;
      const { configuration, version, variables } = stable;
      const strays = await store.straysOf(tx, fleet, agents);
      const groups = await rendered.renderFor(tx, stable, { name: fleet, variables }, strays);
      await rendered.note(tx, stable, groups.flatMap(notesOf));
      // Some were only strays because nobody had rendered for them: they may have these very bytes.
      const left = new Set(await store.straysOf(tx, fleet, strays));
      const targets = groups.flatMap(({ hash, agents: some }) =>
        hash === null
          ? []
          : (some ?? strays)
              .filter((agent) => left.has(agent))
              .map((agent) => ({ agent, configuration, version, hash, rolloutId: null })),
      );
      return (await desiredState.setTargets(tx, targets)).length;
    });
  }

  #remember(strays: readonly { agent: AgentId; fleet: string }[]): void {
    for (const { agent, fleet } of strays) {
      const waiting = this.#waiting.get(fleet) ?? new Set();
      this.#waiting.set(fleet, waiting);
      if (waiting.size < maxWaiting) waiting.add(agent);
    }
  }

  #pace(fleet: string, perSecond: number): Pace {
    const pace = this.#paces.get(fleet) ?? new Pace(perSecond, this.#deps.now());
    this.#paces.set(fleet, pace);
    return pace;
  }
}
