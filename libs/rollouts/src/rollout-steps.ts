import type { AgentId } from '@muster/agents/agent-id';
import type { Announcer } from '@muster/configs/announcer';
import type { DesiredState } from '@muster/configs/desired-state';
import { InvalidTemplate, NotRenderable, UnknownConfigurationVersion } from '@muster/configs/errors';
import { windowAt } from '@muster/configs/maintenance-windows';
import type { Policy } from '@muster/configs/policy';
import type { RenderedConfigs, RenderedGroup } from '@muster/configs/rendered-configs.postgres';
import type { Quarantines } from '@muster/configs/quarantines.postgres';
import type { Tx } from '@muster/db/transaction';
import { describeCohort } from './cohort.ts';
import { acceptAll, describeBreach, sum, type Breach, type Gate } from './gates.ts';
import type { LateAnswers } from './late-answers.ts';
import { offersToKeep } from './offer-pace.ts';
import type { RollbackStore } from './rollback-store.postgres.ts';
import type { RolloutAgentsStore, Settled } from './rollout-agents-store.postgres.ts';
import type { Counts } from './rollout-counts.ts';
import { takers } from './rollout-agent.ts';
import type { RolloutPlanner } from './rollout-planner.ts';
import type { RolloutRecord } from './rollout-record.ts';
import type { RolloutStore } from './rollout-store.postgres.ts';
import type { Decision } from './rollout.ts';

export interface RolloutStepsDeps {
  readonly store: RolloutStore;
  readonly agents: RolloutAgentsStore;
  readonly rollbacks: RollbackStore;
  readonly lateAnswers: LateAnswers;
  readonly planner: RolloutPlanner;
  readonly quarantines: Quarantines;
  readonly rendered: RenderedConfigs;
  readonly desiredState: DesiredState;
  readonly announcer: Announcer;
}

/** What there is to decide on. */
export interface Settlement {
  /** As it is after that. */
  readonly rollout: RolloutRecord;
  /** Agents that changed. */
  readonly settled: number;
  readonly counts: Counts;
}

/** What a look at a rollout does: takes over what has happened, and carries out one decision. */
export class RolloutSteps {
  readonly #deps: RolloutStepsDeps;

  constructor(deps: RolloutStepsDeps) {
    this.#deps = deps;
  }

  /**
   * Takes over what has happened to agents since the last look, and sets aside who cannot be offered. Answers
   * how many changed, and what there is to decide on.
   */
  async settle(tx: Tx, rollout: RolloutRecord, now: number): Promise<Settlement> {
    const { agents, rollbacks, store } = this.#deps;
    if (rollout.state === 'rollingBack') {
      const reverted = rollout.reverted ? 0 : await this.#revertTouched(tx, rollout, null, now);
      if (!rollout.reverted) await store.update(tx, rollout.id, { reverted: true });
      const settled = reverted + (await rollbacks.settle(tx, rollout, now));
      const counts = await agents.counts(tx, rollout, now);
      return { rollout: await this.#deps.lateAnswers.take(tx, rollout, counts.reached), settled, counts };
    }
    const someGoBack = rollout.cohorts.some(({ state }) => state === 'rolledBack');
    const back = someGoBack ? await rollbacks.settle(tx, rollout, now) : 0;
    const goesOn = rollout.state === 'running' || (rollout.catchingUp && !rollout.halted);
    const offersStand = goesOn && windowAt(rollout.policy.windows, now).open;
    const { count, counts } = await this.#settleOffers(tx, rollout, offersStand, now);
    const relieved = await this.#deps.lateAnswers.take(tx, rollout, counts.reached);
    const mayBeUnreachable = counts.reached.some(({ waiting, deferred }) => waiting + deferred > 0);
    if (!goesOn || !mayBeUnreachable) return { rollout: relieved, settled: back + count, counts };
    const setAside = await agents.setAside(tx, rollout);
    const left = setAside > 0 ? await agents.counts(tx, rollout, now) : counts;
    return { rollout: relieved, settled: back + count + setAside, counts: left };
  }

  /** Of a rollout that is over: takes over what agents say about its offers later. Answers how many that changed. */
  async settleLate(tx: Tx, rollout: RolloutRecord, now: number): Promise<number> {
    const { count, counts } = await this.#settleOffers(tx, rollout, true, now);
    if (count > 0) await this.#deps.lateAnswers.take(tx, rollout, counts.reached);
    return count;
  }

  async #settleOffers(
    tx: Tx,
    rollout: RolloutRecord,
    offersStand: boolean,
    now: number,
  ): Promise<Pick<Settled, 'count' | 'counts'>> {
    const { agents, desiredState } = this.#deps;
    const { count, counts, ...moved } = await agents.settleOffers(tx, rollout, offersStand, now);
    await desiredState.fallBack(tx, moved.failed);
    await desiredState.withdraw(tx, rollout.id, moved.away);
    await desiredState.restore(tx, rollout.id, moved.applied);
    return { count, counts };
  }

  /** Writes down when a rollout begins to wait for a window, and when it goes on. */
  async noteWindow(tx: Tx, rollout: RolloutRecord, decision: Decision, now: number): Promise<void> {
    const { id, policy } = rollout;
    if (policy.windows.length === 0) return;
    const { store } = this.#deps;
    const { open, changesAt } = windowAt(policy.windows, now);
    const waits = decision.kind === 'wait' && decision.why === 'window';
    if (waits === (await store.hasSaidToWait(tx, id))) return;
    if (waits)
      await store.record(tx, id, 'system', 'waitsForWindow', { until: changesAt && new Date(changesAt) });
    else if (open) await store.record(tx, id, 'system', 'windowOpened');
  }

  async act(
    tx: Tx,
    rollout: RolloutRecord,
    counts: Counts,
    decision: Exclude<Decision, { kind: 'wait' }>,
    now: number,
  ): Promise<void> {
    const { store, rollbacks } = this.#deps;
    const { id, wave, reason } = rollout;
    const parts = counts.reached.filter((part) => part.wave === wave);
    switch (decision.kind) {
      case 'begin':
        return this.#begin(tx, rollout, now);
      case 'startWave':
        await store.update(tx, id, { waveStartedAt: now, waveSettledAt: null });
        return store.record(tx, id, 'system', 'waveStarted', {
          wave,
          agents: sum(parts, ({ size }) => size),
        });
      case 'offer':
        return this.#offer(tx, rollout, counts, decision.limit, now);
      case 'soak':
        await store.settleWaves(tx, id, wave, now);
        await store.update(tx, id, { waveSettledAt: now });
        return store.record(tx, id, 'system', 'waveSettled', { wave, cohorts: parts });
      case 'passWave':
        await this.#keepWave(tx, rollout, counts, now);
        await store.passWave(tx, id);
        return store.record(tx, id, 'system', 'wavePassed', {
          wave,
          cohorts: parts,
          limits: limitsOf(rollout),
        });
      case 'complete':
        return this.#complete(tx, rollout, counts, now);
      case 'pause':
      case 'rollback':
        return this.#stop(tx, rollout, decision.breach, decision.kind);
      case 'stopCohort':
        return this.#stopCohort(tx, rollout, decision.cohort, decision.breach, now);
      case 'stopForAllCohorts':
        if (rollout.catchingUp) return this.#halt(tx, rollout, 'every cohort has stopped');
        return this.#end(tx, rollout, rollout.policy.onBreach, 'every cohort has stopped');
      case 'pauseUnproven':
        return this.#end(tx, rollout, 'pause', 'no agent has applied it');
      case 'finishRollback':
        await store.update(tx, id, { state: 'rolledBack', reason, finishedAt: now });
        return store.record(tx, id, 'system', 'rolledBack', { ...(await rollbacks.outcome(tx, id)) });
      case 'haltCatchingUp':
        await this.#noteBreach(tx, rollout, decision.breach);
        return this.#halt(tx, rollout, describeBreach(decision.breach));
      case 'caughtUp':
        await store.update(tx, id, { catchingUp: false });
        return store.record(tx, id, 'system', 'caughtUp', { waves: counts.reached });
    }
  }

  /** A plan that cannot be made ends the rollout, and leaves the one under way alone. */
  async #begin(tx: Tx, rollout: RolloutRecord, now: number): Promise<void> {
    const { store, planner } = this.#deps;
    const { id, fleet } = rollout;
    let groups: RenderedGroup[];
    try {
      groups = await planner.render(tx, rollout);
    } catch (error) {
      if (!isPlanFailure(error)) throw error;
      await store.update(tx, id, {
        state: 'aborted',
        reason: `cannot start: ${error.message}`,
        finishedAt: now,
      });
      return store.record(tx, id, 'system', 'aborted', { reason: error.message });
    }
    const replaced = await planner.replace(tx, 'system', { id, fleet }, 'active');
    await store.update(tx, id, { state: 'running' });
    await planner.plan(tx, 'system', rollout, groups, replaced);
  }

  async #offer(
    tx: Tx,
    rollout: RolloutRecord,
    { due: isDue, reached }: Counts,
    limit: number,
    now: number,
  ): Promise<void> {
    const { store, agents, rendered, desiredState } = this.#deps;
    const { id, configuration, version, wave } = rollout;
    const everybody = limit >= isDue;
    const due = await agents.due(tx, rollout, limit);
    await rendered.note(
      tx,
      rollout,
      due.flatMap(({ agent, hash, inputs }) => (inputs ? [{ agent, inputs, hash, error: null }] : [])),
    );
    const targets = due
      .filter(({ targeted }) => !targeted)
      .map(({ agent, hash }) => ({ agent, configuration, version, hash, rolloutId: id }));
    const got = await desiredState.setTargets(tx, targets);
    const count = due.length - targets.length + got.length;
    await store.update(tx, id, {
      offers: offersToKeep([...rollout.offers, { at: now, count }], now),
      // The first that take it are watched, however long nobody was there.
      ...(sum(reached, takers) === 0 && { waveSettledAt: null }),
    });
    if (count > 0) await store.recordOffers(tx, id, wave, count, now);
    if (everybody && got.length === targets.length && rollout.state === 'running') {
      await store.offerWaves(tx, id, wave, now);
      const returned = due.filter((agent) => agent.returned).map(({ agent }) => agent);
      return agents.markOffered(tx, id, returned, now);
    }
    const taken = new Set(got);
    await agents.markRefused(
      tx,
      id,
      targets.map(({ agent }) => agent).filter((agent) => !taken.has(agent)),
    );
    const targeted = due.filter((agent) => agent.targeted).map(({ agent }) => agent);
    await agents.markOffered(tx, id, [...targeted, ...got], now);
  }

  /** What failed until now is accepted, for those that catch up. */
  async #complete(tx: Tx, rollout: RolloutRecord, counts: Counts, now: number): Promise<void> {
    const { store, announcer } = this.#deps;
    const { id, fleet } = rollout;
    const away = sum(counts.reached, ({ deferred }) => deferred);
    await this.#keepWave(tx, rollout, counts, now);
    await store.update(tx, id, {
      state: 'completed',
      reason: '',
      finishedAt: now,
      accepted: acceptAll(counts.reached),
      catchingUp: away > 0,
    });
    await store.stabilize(tx, id);
    await store.record(tx, id, 'system', 'completed', { waves: counts.reached });
    if (away > 0) await store.record(tx, id, 'system', 'catchingUp', { away });
    tx.afterCommit(() => announcer.announce('fleets.changed', { name: fleet }));
  }

  async #keepWave(tx: Tx, { id, wave }: RolloutRecord, { passing }: Counts, now: number): Promise<void> {
    await this.#deps.store.settleWaves(tx, id, wave, now);
    await this.#deps.store.keepWave(tx, id, wave, passing);
  }

  /** A gate is breached: nothing more is offered from here on. */
  async #stop(tx: Tx, rollout: RolloutRecord, breach: Breach, how: 'pause' | 'rollback'): Promise<void> {
    await this.#noteBreach(tx, rollout, breach);
    await this.#end(tx, rollout, how, describeBreach(breach));
  }

  /** Goes on catching up when a person says so. */
  async #halt(tx: Tx, { id }: RolloutRecord, reason: string): Promise<void> {
    await this.#deps.store.update(tx, id, { halted: true, reason });
    await this.#deps.store.record(tx, id, 'system', 'halted', { reason });
  }

  async #noteBreach(tx: Tx, rollout: RolloutRecord, breach: Breach): Promise<void> {
    const { id, breaches, policy } = rollout;
    const { gate, wave, cohort, allowed } = breach;
    await this.#deps.store.record(tx, id, 'system', 'breached', figuresOf(rollout, breach));
    await this.#deps.store.update(tx, id, { breaches: [...breaches, { gate, wave, cohort, allowed }] });
    if (policy.quarantine !== 'cohort' || cohort !== null) return;
    for (const part of breach.cohorts)
      await this.#quarantine(tx, rollout, part.cohort, describeBreach(breach));
  }

  async #end(tx: Tx, { id }: RolloutRecord, how: 'pause' | 'rollback', reason: string): Promise<void> {
    const state = how === 'pause' ? 'paused' : 'rollingBack';
    await this.#deps.store.update(tx, id, { state, reason });
    await this.#deps.store.record(tx, id, 'system', state, { reason });
  }

  /** The others go on. */
  async #stopCohort(
    tx: Tx,
    rollout: RolloutRecord,
    number: number,
    breach: Breach,
    now: number,
  ): Promise<void> {
    const { store } = this.#deps;
    const cohort = rollout.cohorts.find((one) => one.cohort === number)!;
    const reason = `${describeBreach(breach)} for ${describeCohort(cohort)}`;
    // Once it has completed the version is the stable one, also of agents that took it long ago.
    const goesBack = rollout.policy.onBreach === 'rollback' && !rollout.catchingUp;
    const state = goesBack ? 'rolledBack' : 'stopped';
    await this.#noteBreach(tx, rollout, breach);
    await store.stopCohort(tx, rollout.id, number, state, reason);
    await this.#quarantine(tx, rollout, number, reason);
    if (goesBack) await this.#revertTouched(tx, rollout, number, now);
    await store.record(tx, rollout.id, 'system', 'cohortStopped', { cohort: number, state, reason });
  }

  #quarantine(tx: Tx, rollout: RolloutRecord, number: number, reason: string): Promise<void> {
    const { traits } = rollout.cohorts.find((one) => one.cohort === number)!;
    return this.#deps.quarantines.addCohort(tx, { ...rollout, cohort: number, traits, reason });
  }

  async #revertTouched(tx: Tx, rollout: RolloutRecord, cohort: number | null, now: number): Promise<number> {
    const { rollbacks, desiredState } = this.#deps;
    const touched = await rollbacks.touched(tx, rollout, cohort);
    if (touched.length === 0) return 0;
    const reverted = new Map(
      (await desiredState.revert(tx, rollout.id, touched)).map(({ agent, hash }) => [agent, hash]),
    );
    const outcomes = touched.map((agent: AgentId) => {
      const hash = reverted.get(agent);
      if (hash === undefined) return { agent, done: true, why: 'got another target meanwhile, which stays' };
      if (hash === null) return { agent, done: true, why: 'had no configuration before, keeps what it has' };
      return { agent, done: false, why: '' };
    });
    await rollbacks.mark(tx, rollout.id, outcomes, now);
    return touched.length;
  }
}

/** The breach with the names of the cohorts that contributed. */
function figuresOf({ cohorts }: RolloutRecord, breach: Breach): Record<string, unknown> {
  const named = breach.cohorts.map((part) => {
    const cohort = cohorts.find((one) => one.cohort === part.cohort);
    return { ...part, name: cohort ? describeCohort(cohort) : '' };
  });
  return { ...breach, cohorts: named };
}

/** What each gate tolerates; null: it is not looked at. */
function limitsOf({ policy }: RolloutRecord): Pick<Policy, Gate> {
  const { maxFailed, maxNotConverged, maxUnhealthy, maxDisconnected } = policy;
  return { maxFailed, maxNotConverged, maxUnhealthy, maxDisconnected };
}

function isPlanFailure(error: unknown): error is Error {
  return [UnknownConfigurationVersion, InvalidTemplate, NotRenderable].some((kind) => error instanceof kind);
}
