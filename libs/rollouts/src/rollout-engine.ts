import type { AgentId } from '@muster/agents/agent-id';
import type { Announcer } from '@muster/configs/announcer';
import type { DesiredState } from '@muster/configs/desired-state';
import type { Tx } from '@muster/db/transaction';
import type { BatchQueue } from './batch-queue.ts';
import { describeBreach, type Breach } from './gates.ts';
import { decide, isActive, type Decision, type RolloutView } from './rollout.ts';
import type { RolloutAgentsStore } from './rollout-agents-store.postgres.ts';
import type { RolloutRecord, RolloutStore } from './rollout-store.postgres.ts';

/** Reports come in bursts: one look for all that come within this time. */
const coalesceMs = 50;
/** The same where looks take long: of the time that reports keep coming, a tenth at most is spent on looks. */
const coalesceShare = 9;
const longestCoalesceMs = 1_000;
const rolloutsRemembered = 1_000;

export interface RolloutEngineDeps {
  readonly store: RolloutStore;
  readonly agents: RolloutAgentsStore;
  readonly desiredState: DesiredState;
  readonly announcer: Announcer;
  readonly queue: BatchQueue;
  readonly transact: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;
  readonly now: () => number;
}

/**
 * Carries rollouts on. What to do follows from the tables alone, so a look that comes late, twice or in
 * another order changes nothing: the clock and the events only say when to look.
 */
export class RolloutEngine {
  readonly #deps: RolloutEngineDeps;
  /** The last look at each rollout by this process. */
  readonly #looks = new Map<string, { tookMs: number; counts: string }>();

  constructor(deps: RolloutEngineDeps) {
    this.#deps = deps;
  }

  /**
   * Brings one rollout as far as it can go now: takes over what agents reported, decides and acts, all in
   * one transaction with the rollout locked, then asks the clock for the next call.
   */
  async advance(id: string): Promise<void> {
    const started = this.#deps.now();
    const look = { tookMs: 0, counts: this.#looks.get(id)?.counts ?? '' };
    const next = await this.#deps.transact((tx) => this.#look(tx, id, look));
    look.tookMs = this.#deps.now() - started;
    if (this.#looks.size >= rolloutsRemembered) this.#looks.clear();
    this.#looks.set(id, look);
    if (next !== null) await this.#deps.queue.schedule(id, next);
  }

  /** Asks the clock for every rollout under way: at start, and whenever the clock may have forgotten them. */
  async reseed(): Promise<void> {
    const { store, queue, now } = this.#deps;
    for (const id of await store.active()) await queue.schedule(id, now());
  }

  /** Asks the clock for the rollouts these agents take part in. */
  async onAgentsChanged(agents: readonly AgentId[]): Promise<void> {
    if (agents.length === 0) return;
    const { store, queue, now } = this.#deps;
    for (const id of await store.activeWith(agents)) await queue.schedule(id, now() + this.#coalesceMs(id));
  }

  #coalesceMs(id: string): number {
    const pause = (this.#looks.get(id)?.tookMs ?? 0) * coalesceShare;
    return Math.min(longestCoalesceMs, Math.max(coalesceMs, pause));
  }

  /** Answers when to look again, Unix milliseconds; null: when something is reported or a person decides. */
  async #look(tx: Tx, id: string, look: { counts: string }): Promise<number | null> {
    const { store, announcer, now: clock } = this.#deps;
    const now = clock();
    let changed = false;
    for (;;) {
      const rollout = await store.lock(tx, id);
      if (!rollout || !isActive(rollout.state)) return null;
      const { settled, view } = await this.#settle(tx, rollout, now);
      const decision = decide(view, now);
      const counts = JSON.stringify(view.reached);
      if (!changed && (settled > 0 || decision.kind !== 'wait' || counts !== look.counts)) {
        changed = true;
        tx.afterCommit(() => announcer.announce('rollouts.changed', { id, fleet: rollout.fleet }));
      }
      look.counts = counts;
      if (decision.kind === 'wait') return decision.until;
      await this.#act(tx, rollout, view, decision, now);
      if (decision.kind !== 'startWave') continue;
      // Nothing else has changed by that: no need to look at the agents again.
      const begun = { ...view, waveStartedAt: now, waveSettledAt: null };
      const next = decide(begun, now);
      if (next.kind === 'wait') return next.until;
      await this.#act(tx, rollout, begun, next, now);
    }
  }

  /**
   * Takes over what has happened to agents since the last look, and sets aside who cannot be offered. Answers
   * how many changed, and what there is to decide on.
   */
  async #settle(
    tx: Tx,
    rollout: RolloutRecord,
    now: number,
  ): Promise<{ settled: number; view: RolloutView }> {
    const { agents, desiredState } = this.#deps;
    if (rollout.state === 'rollingBack') {
      const reverted = await this.#revertTouched(tx, rollout, now);
      const settled = reverted + (await agents.settleRollback(tx, rollout, now));
      return { settled, view: { ...rollout, ...(await agents.counts(tx, rollout, now)) } };
    }
    const { count, failed, counts } = await agents.settleOffers(tx, rollout, now);
    await desiredState.fallBack(tx, failed);
    const mayBeUnreachable = counts.reached.some(({ waiting, deferred }) => waiting + deferred > 0);
    if (rollout.state !== 'running' || !mayBeUnreachable)
      return { settled: count, view: { ...rollout, ...counts } };
    const setAside = await agents.setAside(tx, rollout);
    const left = setAside > 0 ? await agents.counts(tx, rollout, now) : counts;
    return { settled: count + setAside, view: { ...rollout, ...left } };
  }

  async #revertTouched(tx: Tx, rollout: RolloutRecord, now: number): Promise<number> {
    const { agents, desiredState } = this.#deps;
    const touched = await agents.touched(tx, rollout.id);
    if (touched.length === 0) return 0;
    const reverted = new Map(
      (await desiredState.revert(tx, rollout.id, touched)).map(({ agent, hash }) => [agent, hash]),
    );
    const outcomes = touched.map((agent) => {
      const hash = reverted.get(agent);
      if (hash === undefined) return { agent, done: true, why: 'got another target meanwhile, which stays' };
      if (hash === null) return { agent, done: true, why: 'had no configuration before, keeps what it has' };
      return { agent, done: false, why: '' };
    });
    await agents.markRolledBack(tx, rollout.id, outcomes, now);
    return touched.length;
  }

  async #act(
    tx: Tx,
    rollout: RolloutRecord,
    view: RolloutView,
    decision: Exclude<Decision, { kind: 'wait' }>,
    now: number,
  ): Promise<void> {
    const { store } = this.#deps;
    const { id, wave } = rollout;
    switch (decision.kind) {
      case 'startWave':
        await store.startWave(tx, id, now);
        return store.record(tx, id, 'system', 'waveStarted', { wave, agents: view.reached[wave]?.size });
      case 'offer':
        return this.#offer(tx, rollout, decision.limit, decision.limit >= view.due, now);
      case 'soak':
        await store.settleWaves(tx, id, wave, now);
        await store.settleWave(tx, id, now);
        return store.record(tx, id, 'system', 'waveSettled', { wave, counts: view.reached[wave] });
      case 'passWave':
        await store.settleWaves(tx, id, wave, now);
        await store.passWave(tx, id);
        return store.record(tx, id, 'system', 'wavePassed', { wave, counts: view.reached[wave] });
      case 'complete':
        return this.#complete(tx, rollout, view, now);
      case 'pause':
      case 'rollback':
        return this.#stop(tx, rollout, decision.breach, decision.kind);
      case 'finishRollback':
        await store.setState(tx, id, 'rolledBack', rollout.reason, now);
        return store.record(tx, id, 'system', 'rolledBack');
    }
  }

  /** `everybody`: `limit` leaves nobody waiting in the waves reached. */
  async #offer(
    tx: Tx,
    rollout: RolloutRecord,
    limit: number,
    everybody: boolean,
    now: number,
  ): Promise<void> {
    const { store, agents, desiredState } = this.#deps;
    const { id, configuration, version, wave } = rollout;
    const due = await agents.due(tx, rollout, limit);
    const targets = due
      .filter(({ targeted }) => !targeted)
      .map(({ agent, hash }) => ({ agent, configuration, version, hash, rolloutId: id }));
    const got = await desiredState.setTargets(tx, targets);
    if (everybody && got.length === targets.length) {
      await store.offerWaves(tx, id, wave, now);
      const returned = due.filter((agent) => agent.returned).map(({ agent }) => agent);
      return agents.markOffered(tx, id, returned, now);
    }
    const targeted = due.filter((agent) => agent.targeted).map(({ agent }) => agent);
    await agents.markOffered(tx, id, [...targeted, ...got], now);
  }

  async #complete(tx: Tx, rollout: RolloutRecord, view: RolloutView, now: number): Promise<void> {
    const { store, announcer } = this.#deps;
    await store.settleWaves(tx, rollout.id, rollout.wave, now);
    await store.setState(tx, rollout.id, 'completed', '', now);
    await store.stabilize(tx, rollout);
    await store.record(tx, rollout.id, 'system', 'completed', { waves: view.reached });
    tx.afterCommit(() => announcer.announce('fleets.changed', { name: rollout.fleet }));
  }

  /** A gate is breached: nothing more is offered from here on. */
  async #stop(tx: Tx, rollout: RolloutRecord, breach: Breach, how: 'pause' | 'rollback'): Promise<void> {
    const { store } = this.#deps;
    const reason = describeBreach(breach);
    await store.record(tx, rollout.id, 'system', 'breached', { ...breach });
    await store.setState(tx, rollout.id, how === 'pause' ? 'paused' : 'rollingBack', reason);
    await store.record(tx, rollout.id, 'system', how === 'pause' ? 'paused' : 'rollingBack', { reason });
  }
}
