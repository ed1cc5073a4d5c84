import type { Announcer } from '@muster/configs/announcer';
import { UnknownFleet } from '@muster/configs/errors';
import { parsePolicy } from '@muster/configs/policy';
import type { RenderedConfigs } from '@muster/configs/rendered-configs.postgres';
import type { Tx } from '@muster/db/transaction';
import type { Log } from '@muster/platform/log';
import type { BatchQueue } from './batch-queue.ts';
import { RolloutStateConflict, UnknownRollout } from './errors.ts';
import { acceptAll } from './gates.ts';
import type { RolloutAgentsStore } from './rollout-agents-store.postgres.ts';
import type { RolloutRecord, RolloutStore } from './rollout-store.postgres.ts';
import type { Rollout, RolloutAgent, RolloutEvent, RolloutViews } from './rollout-views.postgres.ts';
import { type RolloutState } from './rollout.ts';
import { waveEnds } from './waves.ts';

export interface RolloutServiceDeps {
  readonly store: RolloutStore;
  readonly agents: RolloutAgentsStore;
  readonly views: RolloutViews;
  readonly rendered: RenderedConfigs;
  readonly announcer: Announcer;
  readonly queue: BatchQueue;
  readonly log: Log;
  readonly now: () => number;
}

export interface RolloutInput {
  readonly fleet: string;
  readonly configuration: string;
  readonly version: number;
  /** Members left out come from the fleet's policy. */
  readonly policy?: unknown;
}

/**
 * What people ask of rollouts. Each call decides in the caller's transaction and wakes the engine after the
 * commit, which does the rest.
 */
export class RolloutService {
  readonly #deps: RolloutServiceDeps;

  constructor(deps: RolloutServiceDeps) {
    this.#deps = deps;
  }

  /**
   * Plans a rollout over the fleet's agents of this moment and starts it. It replaces the one under way,
   * whose agents stay as they are until it is their turn again. Without agents it completes at once. Throws
   * `UnknownFleet`, `UnknownConfigurationVersion`, `InvalidPolicy`.
   */
  async start(tx: Tx, actor: string, input: RolloutInput): Promise<Rollout> {
    const { store, rendered, views } = this.#deps;
    const { configuration, version } = input;
    const fleet = await store.lockFleet(tx, input.fleet);
    if (!fleet) throw new UnknownFleet(input.fleet);
    const policy = parsePolicy(input.policy ?? {}, fleet.policy);
    const variables = {};
    const [group] = await rendered.renderFor(
      tx,
      { configuration, version },
      { name: input.fleet, variables },
      null,
    );
    const hash = group!.hash!;
    const replaced = await this.#replaceActive(tx, actor, input.fleet);
    const rollout = { fleet: input.fleet, configuration, version, policy };
    const id = await store.insert(tx, { ...rollout, createdBy: actor });
    const ends = waveEnds(policy.waves, await this.#deps.agents.countCandidates(tx, input.fleet));
    const detail = { configuration, version, policy, waves: ends.length, agents: ends.at(-1) ?? 0, replaced };
    await store.record(tx, id, actor, 'started', detail);
    if (ends.length > 0) await this.#plan(tx, { id, fleet: input.fleet, hash, ends });
    else await this.#completeEmpty(tx, id, rollout);
    this.#wakeAfterCommit(tx, { id, fleet: input.fleet });
    return (await views.within(tx).find(id))!;
  }

  /** Nothing more is offered until it is resumed. Throws `UnknownRollout`, `RolloutStateConflict`, as all below. */
  pause(tx: Tx, actor: string, id: string): Promise<Rollout> {
    return this.#change(tx, id, 'pause', ['running'], async (rollout) => {
      await this.#deps.store.setState(tx, rollout.id, 'paused', `paused by ${actor}`);
      await this.#deps.store.record(tx, rollout.id, actor, 'paused', { wave: rollout.wave });
    });
  }

  /** Goes on. What has gone wrong so far is accepted: gates count what goes wrong from now on. */
  resume(tx: Tx, actor: string, id: string): Promise<Rollout> {
    return this.#change(tx, id, 'resume', ['paused'], async (rollout) => {
      const { reached } = await this.#deps.agents.counts(tx, rollout, this.#deps.now());
      const accepted = acceptAll(reached);
      await this.#deps.store.accept(tx, rollout.id, accepted);
      await this.#deps.store.setState(tx, rollout.id, 'running', '');
      await this.#deps.store.record(tx, rollout.id, actor, 'resumed', { wave: rollout.wave, accepted });
    });
  }

  /** Ends it and leaves every agent as it is; the fleet keeps its stable version. */
  abort(tx: Tx, actor: string, id: string): Promise<Rollout> {
    const from: RolloutState[] = ['scheduled', 'running', 'paused', 'rollingBack'];
    return this.#change(tx, id, 'abort', from, async (rollout) => {
      await this.#deps.agents.freeze(tx, rollout.id, this.#deps.now());
      await this.#deps.store.setState(tx, rollout.id, 'aborted', `aborted by ${actor}`, this.#deps.now());
      await this.#deps.store.record(tx, rollout.id, actor, 'aborted', { wave: rollout.wave });
    });
  }

  /** Takes every agent it has touched back to what that agent had before. */
  rollback(tx: Tx, actor: string, id: string): Promise<Rollout> {
    return this.#change(tx, id, 'roll back', ['running', 'paused'], async (rollout) => {
      await this.#deps.store.setState(tx, rollout.id, 'rollingBack', `rolled back by ${actor}`);
      await this.#deps.store.record(tx, rollout.id, actor, 'rollingBack', { wave: rollout.wave });
    });
  }

  find(id: string): Promise<Rollout | null> {
    return this.#deps.views.find(id);
  }

  /** Newest first. Throws `InvalidCursor`. */
  page(query: {
    fleet?: string | undefined;
    limit: number;
    after?: string | undefined;
  }): Promise<{ items: Rollout[]; next: string | null }> {
    return this.#deps.views.page(query);
  }

  /** The rollout under way in a fleet. */
  activeOf(fleet: string): Promise<Rollout | null> {
    return this.#deps.views.activeOf(fleet);
  }

  /** All rollouts under way. */
  active(): Promise<Rollout[]> {
    return this.#deps.views.active();
  }

  /** How agents stand: those that failed first. Throws `UnknownRollout`. */
  async agents(id: string, limit: number): Promise<RolloutAgent[]> {
    await this.#require(id);
    return this.#deps.views.agents(id, limit);
  }

  /** Every decision about it, in order. Throws `UnknownRollout`. */
  async events(id: string): Promise<RolloutEvent[]> {
    await this.#require(id);
    return this.#deps.views.events(id);
  }

  async #require(id: string): Promise<void> {
    if (!(await this.#deps.views.find(id))) throw new UnknownRollout(id);
  }

  async #plan(
    tx: Tx,
    plan: { id: string; fleet: string; hash: string; ends: readonly number[] },
  ): Promise<void> {
    await this.#deps.store.setWaveCount(tx, plan.id, plan.ends.length);
    await this.#deps.agents.plan(tx, plan);
  }

  async #completeEmpty(
    tx: Tx,
    id: string,
    rollout: Pick<RolloutRecord, 'fleet' | 'configuration' | 'version'>,
  ) {
    const { store, announcer, now } = this.#deps;
    await store.setState(tx, id, 'completed', 'the fleet has no agents', now());
    await store.stabilize(tx, rollout);
    await store.record(tx, id, 'system', 'completed', { agents: 0 });
    tx.afterCommit(() => announcer.announce('fleets.changed', { name: rollout.fleet }));
  }

  async #replaceActive(tx: Tx, actor: string, fleet: string): Promise<string | null> {
    const { store, agents, announcer, now } = this.#deps;
    const id = await store.activeOf(tx, fleet);
    if (id === null) return null;
    await agents.freeze(tx, id, now());
    await store.setState(tx, id, 'replaced', `replaced by a newer rollout of ${actor}`, now());
    await store.record(tx, id, actor, 'replaced');
    tx.afterCommit(() => announcer.announce('rollouts.changed', { id, fleet }));
    return id;
  }

  async #change(
    tx: Tx,
    id: string,
    action: string,
    from: readonly RolloutState[],
    work: (rollout: RolloutRecord) => Promise<void>,
  ): Promise<Rollout> {
    const { store, views } = this.#deps;
    if (!(await views.within(tx).find(id))) throw new UnknownRollout(id);
    const rollout = await store.lock(tx, id);
    if (!rollout) throw new UnknownRollout(id);
    if (!from.includes(rollout.state)) throw new RolloutStateConflict(action, rollout.state);
    await work(rollout);
    this.#wakeAfterCommit(tx, rollout);
    return (await views.within(tx).find(id))!;
  }

  #wakeAfterCommit(tx: Tx, { id, fleet }: { id: string; fleet: string }): void {
    const { queue, announcer, log, now } = this.#deps;
    tx.afterCommit(async () => {
      try {
        await queue.schedule(id, now());
      } catch (error) {
        log.warn(
          { err: error, rolloutId: id },
          'could not wake the engine; it finds the change when it reseeds',
        );
      }
    });
    tx.afterCommit(() => announcer.announce('rollouts.changed', { id, fleet }));
  }
}
