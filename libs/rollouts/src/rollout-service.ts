import type { Announcer } from '@muster/configs/announcer';
import type { DesiredState } from '@muster/configs/desired-state';
import { OffersHeld, UnknownFleet } from '@muster/configs/errors';
import type { OfferHolds } from '@muster/configs/offer-holds.postgres';
import { parsePolicy } from '@muster/configs/policy';
import type { Quarantines } from '@muster/configs/quarantines.postgres';
import type { Tx } from '@muster/db/transaction';
import { uuidV7 } from '@muster/db/uuid-v7';
import type { Log } from '@muster/platform/log';
import type { BatchQueue } from './batch-queue.ts';
import { RolloutStateConflict, UnknownRollout } from './errors.ts';
import { acceptShown } from './gates.ts';
import type { RolloutAgentsStore } from './rollout-agents-store.postgres.ts';
import type { RolloutPlanner } from './rollout-planner.ts';
import type { RolloutRecord } from './rollout-record.ts';
import type { RolloutStore } from './rollout-store.postgres.ts';
import type { Rollout } from './rollout-view.ts';
import type {
  RolloutAgent,
  RolloutAgentsQuery,
  RolloutEvent,
  RolloutViews,
} from './rollout-views.postgres.ts';
import { standingOf, type Standing } from './rollout.ts';

export interface RolloutServiceDeps {
  readonly holds: OfferHolds;
  readonly store: RolloutStore;
  readonly agents: RolloutAgentsStore;
  readonly views: RolloutViews;
  readonly planner: RolloutPlanner;
  readonly quarantines: Quarantines;
  readonly desiredState: DesiredState;
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
  /** Absent, or in the past: at once. */
  readonly startAt?: Date | undefined;
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
   * Plans a rollout over the fleet's agents of this moment and starts it, or puts that off until `startAt`. At
   * its start it replaces the one under way, whose agents stay as they are until it is their turn again; one
   * that is put off replaces the one put off before. Without agents it completes at once. Throws
   * `UnknownFleet`, `UnknownConfigurationVersion`, `NotRenderable`, `InvalidPolicy`, `OffersHeld`.
   */
  async start(tx: Tx, actor: string, input: RolloutInput): Promise<Rollout> {
    const { store, planner, views, now } = this.#deps;
    const { configuration, version } = input;
    await this.#assertOffering(tx);
    const fleet = await store.lockFleet(tx, input.fleet);
    if (!fleet) throw new UnknownFleet(input.fleet);
    const policy = parsePolicy(input.policy ?? {}, fleet.policy);
    await planner.assertRenderable(tx, { configuration, version });
    const startAt = input.startAt?.getTime() ?? null;
    const later = startAt !== null && startAt > now();
    const id = uuidV7();
    const replaced = await planner.replace(
      tx,
      actor,
      { id, fleet: input.fleet },
      later ? 'scheduled' : 'active',
    );
    const rollout = { id, fleet: input.fleet, configuration, version, policy, startAt };
    const state = later ? 'scheduled' : 'running';
    await store.insert(tx, { ...rollout, state, createdBy: actor });
    if (later)
      await store.record(tx, id, actor, 'scheduled', {
        configuration,
        version,
        startAt: input.startAt,
        replaced,
      });
    else {
      await planner.plan(tx, actor, rollout, await planner.render(tx, rollout), replaced);
    }
    this.#wakeAfterCommit(tx, { id, fleet: input.fleet });
    return (await views.within(tx).find(id))!;
  }

  /**
   * Nothing more is offered until it is resumed, while catching up too. Throws `UnknownRollout`,
   * `RolloutStateConflict`, as all below.
   */
  pause(tx: Tx, actor: string, id: string): Promise<Rollout> {
    return this.#change(tx, id, 'pause', ['running', 'catchingUp'], async (rollout) => {
      const { store } = this.#deps;
      const reason = `paused by ${actor}`;
      if (rollout.catchingUp) {
        await store.update(tx, rollout.id, { halted: true, reason });
        return store.record(tx, rollout.id, actor, 'halted', { reason });
      }
      await store.update(tx, rollout.id, { state: 'paused', reason });
      return store.record(tx, rollout.id, actor, 'paused', { wave: rollout.wave });
    });
  }

  /**
   * Goes on, or goes on catching up. What a breach has shown is accepted: its gate counts what goes wrong from now
   * on. No other gate is overruled, so after a pause by hand all are judged at once. Where every cohort had
   * stopped, all go on; a cohort that stopped while others went on stays so.
   */
  resume(tx: Tx, actor: string, id: string): Promise<Rollout> {
    return this.#change(tx, id, 'resume', ['paused', 'halted'], async (rollout) => {
      await this.#assertOffering(tx);
      const { store, agents, quarantines, now } = this.#deps;
      const { policy, breaches } = rollout;
      const allStopped =
        rollout.cohorts.length > 0 && rollout.cohorts.every(({ state }) => state === 'stopped');
      const overruled = allStopped || policy.breachScope === 'rollout';
      const { reached } = await agents.counts(tx, rollout, now());
      const accepted = acceptShown(policy, reached, rollout.accepted, overruled ? breaches : []);
      const goesOn = rollout.halted ? { halted: false } : { state: 'running' as const };
      await store.update(tx, rollout.id, {
        ...goesOn,
        reason: '',
        accepted,
        ...(overruled && { breaches: [] }),
      });
      if (allStopped) {
        await store.resumeCohorts(tx, rollout.id);
        await agents.resumeStopped(tx, rollout.id);
      }
      const lifted = overruled ? await quarantines.liftCohorts(tx, actor, rollout.id) : [];
      await store.record(tx, rollout.id, actor, 'resumed', { wave: rollout.wave, accepted, lifted });
    });
  }

  /**
   * Ends it and leaves every agent as it is, but for those that went away with an offer, which are offered nothing;
   * the fleet keeps its stable version. While catching up it ends that: who is still away gets the stable version by
   * convergence.
   */
  abort(tx: Tx, actor: string, id: string): Promise<Rollout> {
    const from: Standing[] = ['scheduled', 'running', 'paused', 'rollingBack', 'catchingUp', 'halted'];
    return this.#change(tx, id, 'abort', from, async (rollout) => {
      const { store, agents, desiredState, now } = this.#deps;
      await desiredState.withdraw(tx, rollout.id, await agents.setAsideAway(tx, rollout.id));
      if (rollout.catchingUp) {
        const { away } = await agents.counts(tx, rollout, now());
        await store.update(tx, rollout.id, { catchingUp: false, halted: false, reason: '' });
        return store.record(tx, rollout.id, actor, 'catchingUpEnded', { away });
      }
      await agents.freeze(tx, rollout.id, now());
      await store.update(tx, rollout.id, {
        state: 'aborted',
        reason: `aborted by ${actor}`,
        finishedAt: now(),
      });
      return store.record(tx, rollout.id, actor, 'aborted', { wave: rollout.wave });
    });
  }

  /** Takes every agent it has touched back to what that agent had before. */
  rollback(tx: Tx, actor: string, id: string): Promise<Rollout> {
    return this.#change(tx, id, 'roll back', ['running', 'paused'], async (rollout) => {
      await this.#assertOffering(tx);
      const { store } = this.#deps;
      await store.update(tx, rollout.id, { state: 'rollingBack', reason: `rolled back by ${actor}` });
      await store.record(tx, rollout.id, actor, 'rollingBack', { wave: rollout.wave });
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

  /** How agents stand: those that failed first. Throws `UnknownRollout`, `InvalidCursor`. */
  async agents(
    id: string,
    query: RolloutAgentsQuery,
  ): Promise<{ items: RolloutAgent[]; next: string | null }> {
    await this.#require(id);
    return this.#deps.views.agents(id, query);
  }

  /** Every decision about it, in order. Throws `UnknownRollout`. */
  async events(id: string): Promise<RolloutEvent[]> {
    await this.#require(id);
    return this.#deps.views.events(id);
  }

  /**
   * Nothing goes on by itself when offers are made again: what is under way is paused, what is about to start or
   * goes back is ended. Answers how many rollouts that were.
   */
  async stopAll(tx: Tx, actor: string, reason: string): Promise<number> {
    const { store } = this.#deps;
    const open = await store.open();
    for (const id of open) {
      const rollout = await store.lock(tx, id);
      const standing = rollout && standingOf(rollout);
      if (standing === 'running' || standing === 'catchingUp') await this.pause(tx, actor, id);
      else if (standing === 'scheduled' || standing === 'rollingBack') await this.abort(tx, actor, id);
      else continue;
      await store.update(tx, id, { reason });
    }
    return open.length;
  }

  async #assertOffering(tx: Tx): Promise<void> {
    const hold = await this.#deps.holds.find(tx.db);
    if (hold) throw new OffersHeld(hold.reason);
  }

  async #require(id: string): Promise<void> {
    if (!(await this.#deps.views.find(id))) throw new UnknownRollout(id);
  }

  async #change(
    tx: Tx,
    id: string,
    action: string,
    from: readonly Standing[],
    work: (rollout: RolloutRecord) => Promise<void>,
  ): Promise<Rollout> {
    const { store, views } = this.#deps;
    if (!(await views.within(tx).find(id))) throw new UnknownRollout(id);
    const rollout = await store.lock(tx, id);
    if (!rollout) throw new UnknownRollout(id);
    const standing = standingOf(rollout);
    if (!from.includes(standing)) throw new RolloutStateConflict(action, standing);
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
