import type { AgentId } from '@muster/agents/agent-id';
import type { Announcer } from '@muster/configs/announcer';
import type { OfferHolds } from '@muster/configs/offer-holds.postgres';
import type { Tx } from '@muster/db/transaction';
import type { BatchQueue } from './batch-queue.ts';
import { decide, isOpen, type RolloutView } from './rollout.ts';
import type { RolloutSteps } from './rollout-steps.ts';
import type { RolloutStore } from './rollout-store.postgres.ts';

/** Reports come in bursts: one look for all that come within this time. */
const coalesceMs = 50;
/** The same where looks take long: of the time that reports keep coming, a tenth at most is spent on looks. */
const coalesceShare = 9;
const longestCoalesceMs = 1_000;
const rolloutsRemembered = 1_000;
/** While offers are held for a database that was put back, rollouts stand still. */
const whileHeldMs = 5_000;

export interface RolloutEngineDeps {
  readonly store: RolloutStore;
  readonly steps: RolloutSteps;
  readonly holds: OfferHolds;
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

  /** Asks the clock for every open rollout: at start, and whenever the clock may have forgotten them. */
  async reseed(): Promise<void> {
    const { store, queue, now } = this.#deps;
    for (const id of await store.open()) await queue.schedule(id, now());
  }

  /** Asks the clock for the rollouts these agents take part in. */
  async onAgentsChanged(agents: readonly AgentId[]): Promise<void> {
    if (agents.length === 0) return;
    const { store, queue, now } = this.#deps;
    for (const id of await store.openWith(agents)) await queue.schedule(id, now() + this.#coalesceMs(id));
  }

  #coalesceMs(id: string): number {
    const pause = (this.#looks.get(id)?.tookMs ?? 0) * coalesceShare;
    return Math.min(longestCoalesceMs, Math.max(coalesceMs, pause));
  }

  /** Answers when to look again, Unix milliseconds; null: when something is reported or a person decides. */
  async #look(tx: Tx, id: string, look: { counts: string }): Promise<number | null> {
    const { store, steps, holds, announcer, now: clock } = this.#deps;
    const now = clock();
    if (await holds.find(tx.db)) return now + whileHeldMs;
    let changed = false;
    for (;;) {
      const locked = await store.lock(tx, id);
      if (!locked) return null;
      if (!isOpen(locked)) {
        const late = changed ? 0 : await steps.settleLate(tx, locked, now);
        if (late > 0)
          tx.afterCommit(() => announcer.announce('rollouts.changed', { id, fleet: locked.fleet }));
        return null;
      }
      const { settled, counts, rollout } = await steps.settle(tx, locked, now);
      const view: RolloutView = { ...rollout, ...counts };
      const decision = decide(view, now);
      await steps.noteWindow(tx, rollout, decision, now);
      const figures = JSON.stringify(view.reached);
      if (!changed && (settled > 0 || decision.kind !== 'wait' || figures !== look.counts)) {
        changed = true;
        tx.afterCommit(() => announcer.announce('rollouts.changed', { id, fleet: rollout.fleet }));
      }
      look.counts = figures;
      if (decision.kind === 'wait') return decision.until;
      await steps.act(tx, rollout, counts, decision, now);
      if (decision.kind !== 'startWave') continue;
      // Nothing else has changed by that: no need to look at the agents again.
      const next = decide({ ...view, waveStartedAt: now, waveSettledAt: null }, now);
      if (next.kind === 'wait') return next.until;
      await steps.act(tx, rollout, counts, next, now);
    }
  }
}
