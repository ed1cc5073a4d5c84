import { describeFailure, kindOfFailure } from '@muster/messages/failures';
import type { AgentId } from '@muster/agents/agent-id';
import type { Tx } from '@muster/db/transaction';
import type { ConvergenceGates } from './convergence-gates.ts';
import type { Log } from '@muster/platform/log';
import type { ConvergenceStore } from './convergence-store.postgres.ts';
import type { DesiredState } from './desired-state.ts';
import { windowAt } from './maintenance-windows.ts';
import { Pace } from './pace.ts';
import type { Quarantines } from './quarantines.postgres.ts';
import { notesOf, type RenderedConfigs } from './rendered-configs.postgres.ts';

const defaultPerSecond = 20;
/** The sweep finds the others when these have been served. */
const maxWaiting = 10_000;
/** A fleet that cannot be served is left alone for so long, and twice as long each further time. */
const firstPauseMs = 1_000;
const longestPauseMs = 300_000;

export interface ConvergenceDeps {
  readonly store: ConvergenceStore;
  readonly gates: ConvergenceGates;
  readonly quarantines: Quarantines;
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

interface Converged {
  readonly given: number;
  readonly heldBack: readonly AgentId[];
}

const nobody: Converged = { given: 0, heldBack: [] };

/**
 * Keeps the agents of a fleet on its stable version: who comes to the fleet, or comes back to it, is given
 * that version at the fleet's pace, and a few at first of a kind of which nobody has it (`ConvergenceGates`).
 * Waiting agents are only remembered here, and found again by `sweep`.
 */
export class Convergence {
  readonly #deps: ConvergenceDeps;
  readonly #waiting = new Map<string, Set<AgentId>>();
  readonly #paces = new Map<string, Pace>();
  readonly #pauses = new Map<string, Pause>();
  #onWaiting = (): void => {};

  constructor(deps: ConvergenceDeps) {
    this.#deps = deps;
  }

  /** Does any agent wait? Without that `advance` has nothing to do. */
  get isNeeded(): boolean {
    return this.#waiting.size > 0;
  }

  /** Calls `listener` each time that agents begin to wait. */
  onWaiting(listener: () => void): void {
    this.#onWaiting = listener;
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
   * Agents that have answered: a kind that was put in quarantine since they had not leaves that, where it fails its
   * version no more.
   */
  async hear(agents: readonly AgentId[]): Promise<void> {
    if (agents.length === 0) return;
    const { store, gates, quarantines, transact, log } = this.#deps;
    for (const { id, fleet, configuration, version, kind } of await store.quarantinesAnswered(agents)) {
      await transact(async (tx) => {
        const stable = await store.lockStable(tx, fleet);
        if (stable?.configuration !== configuration || stable.version !== version) return;
        if (await gates.fails(tx, fleet, stable, kind)) return;
        await quarantines.lift(tx, 'system', id);
        log.info(
          { quarantine: id, fleet, configuration, version },
          'a kind of agents answered after all: it is in quarantine no more',
        );
      });
    }
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
    const { given, heldBack } = next.length > 0 ? await this.#convergeSome(fleet, next) : nobody;
    pace.giveBack(next.length - given);
    for (const agent of next) waiting.delete(agent);
    // Behind the others, who may be of another kind.
    for (const agent of heldBack) waiting.add(agent);
    if (waiting.size === 0) this.#waiting.delete(fleet);
  }

  /** An agent whose data cannot be worked on is left out, and the others of its fleet go on; the sweep brings it again. */
  async #convergeSome(fleet: string, agents: readonly AgentId[]): Promise<Converged> {
    try {
      return await this.#converge(fleet, agents);
    } catch (error) {
      if (kindOfFailure(error) !== 'data') throw error;
      if (agents.length === 1) {
        const detail = { error: describeFailure(error), fleet, agent: agents[0] };
        this.#deps.log.error(detail, 'an agent cannot be given the stable version of its fleet');
        return nobody;
      }
      const middle = Math.ceil(agents.length / 2);
      const first = await this.#convergeSome(fleet, agents.slice(0, middle));
      const second = await this.#convergeSome(fleet, agents.slice(middle));
      return { given: first.given + second.given, heldBack: [...first.heldBack, ...second.heldBack] };
    }
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

  /**
   * Answers how many got a target, and who waits for the answers of others of its kind: the rest are where they
   * should be by now, or failed that version before.
   */
  #converge(fleet: string, agents: readonly AgentId[]): Promise<Converged> {
    const { store, gates, quarantines, rendered, desiredState, transact } = this.#deps;
    return transact(async (tx) => {
      const stable = await store.lockStable(tx, fleet);
      if (!stable) return nobody;
      const { configuration, version, variables } = stable;
      const { admitted, heldBack, failing } = await gates.judge(
        tx,
        fleet,
        stable,
        await store.straysOf(tx, fleet, agents),
      );
      for (const { kind, reason } of failing)
        await quarantines.addKind(tx, { rollout: null, fleet, configuration, version, kind, reason });
      if (admitted.length === 0) return { given: 0, heldBack };
      const groups = await rendered.renderFor(tx, stable, { name: fleet, variables }, admitted);
      await rendered.note(tx, stable, groups.flatMap(notesOf));
      // Some were only strays because nobody had rendered for them: they may have these very bytes.
      const left = new Set((await store.straysOf(tx, fleet, admitted)).map(({ agent }) => agent));
      const targets = groups.flatMap(({ hash, agents: some }) =>
        hash === null
          ? []
          : (some ?? admitted)
              .filter((agent) => left.has(agent))
              .map((agent) => ({ agent, configuration, version, hash, rolloutId: null })),
      );
      return { given: (await desiredState.setTargets(tx, targets)).length, heldBack };
    });
  }

  #remember(strays: readonly { agent: AgentId; fleet: string }[]): void {
    for (const { agent, fleet } of strays) {
      const waiting = this.#waiting.get(fleet) ?? new Set();
      this.#waiting.set(fleet, waiting);
      if (waiting.size < maxWaiting) waiting.add(agent);
    }
    if (this.#waiting.size > 0) this.#onWaiting();
  }

  #pace(fleet: string, perSecond: number): Pace {
    const pace = this.#paces.get(fleet) ?? new Pace(perSecond, this.#deps.now());
    this.#paces.set(fleet, pace);
    return pace;
  }
}
