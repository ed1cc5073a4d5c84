import type { Quarantines } from '@muster/configs/quarantines.postgres';
import type { Tx } from '@muster/db/transaction';
import { answeredLater, countOf, describeEnded, stillAccepted, type ShownBreach } from './gates.ts';
import type { RollbackStore } from './rollback-store.postgres.ts';
import type { CohortCounts } from './rollout-agent.ts';
import type { RolloutRecord } from './rollout-record.ts';
import type { RolloutStore } from './rollout-store.postgres.ts';

/**
 * What follows for a rollout when agents answer after they were given up (ADR 0031): a breach that is none any more
 * is said to be over, and cohorts that were in quarantine for nothing but it leave that. Nothing goes on by itself.
 */
export class LateAnswers {
  readonly #store: RolloutStore;
  readonly #quarantines: Quarantines;
  readonly #rollbacks: RollbackStore;

  constructor(store: RolloutStore, quarantines: Quarantines, rollbacks: RollbackStore) {
    this.#store = store;
    this.#quarantines = quarantines;
    this.#rollbacks = rollbacks;
  }

  /** Answers the rollout as it is after that. */
  async take(tx: Tx, rollout: RolloutRecord, reached: readonly CohortCounts[]): Promise<RolloutRecord> {
    const accepted = stillAccepted(rollout.accepted, reached);
    const hasLess = accepted.some((entry, index) => entry !== rollout.accepted[index]);
    if (hasLess) await this.#store.update(tx, rollout.id, { accepted });
    const left = { ...rollout, accepted: hasLess ? accepted : rollout.accepted };
    return this.#endBreaches(tx, left, reached);
  }

  async #endBreaches(
    tx: Tx,
    rollout: RolloutRecord,
    reached: readonly CohortCounts[],
  ): Promise<RolloutRecord> {
    const { id, policy, cohorts } = rollout;
    const back = cohorts.filter(({ state }) => state === 'rolledBack').map(({ cohort }) => cohort);
    const now = [];
    for (const breach of rollout.breaches.filter(({ gate }) => answeredLater.includes(gate))) {
      const shown = countOf(policy, breach, reached);
      // Who was taken back is among the failed no more: what it made of the offer tells.
      const wentBack =
        rollout.state === 'rollingBack' || (breach.cohort !== null && back.includes(breach.cohort));
      const count = wentBack ? await this.#rollbacks.failing(tx, id, policy, breach) : shown.count;
      now.push({ breach, count, allowed: shown.allowed });
    }
    const ended = now.filter(({ count, allowed }) => count <= allowed);
    if (ended.length === 0) return rollout;
    const gone = new Set(ended.map(({ breach }) => breach));
    const breaches = rollout.breaches.filter((breach) => !gone.has(breach));
    await this.#store.update(tx, id, { breaches });
    for (const { breach, count, allowed } of ended) {
      const lifted = await this.#release(tx, rollout, breach, breaches);
      await this.#store.record(tx, id, 'system', 'breachEnded', { ...breach, count, allowed, lifted });
      await this.#sayOf(tx, rollout, breach, count);
    }
    const stands = rollout.state === 'paused' || rollout.halted;
    if (!stands || breaches.length > 0) return { ...rollout, breaches };
    const reason = describeEnded(rollout.reason, ended[0]!.count);
    await this.#store.update(tx, id, { reason });
    return { ...rollout, breaches, reason };
  }

  /** Ends the quarantine of cohorts that no other breach has put there. */
  async #release(
    tx: Tx,
    { id, cohorts }: RolloutRecord,
    { cohort }: ShownBreach,
    others: readonly ShownBreach[],
  ): Promise<string[]> {
    if (others.some((other) => other.cohort === null || cohort === null || other.cohort === cohort))
      return [];
    const traits = cohort === null ? null : (cohorts.find((one) => one.cohort === cohort)?.traits ?? null);
    const lifted = await this.#quarantines.liftCohorts(tx, 'system', id, traits);
    return lifted.map((kind) => kind.id);
  }

  async #sayOf(
    tx: Tx,
    { id, cohorts }: RolloutRecord,
    { cohort }: ShownBreach,
    count: number,
  ): Promise<void> {
    const stopped = cohorts.find((one) => one.cohort === cohort);
    if (!stopped || stopped.state === 'running') return;
    await this.#store.stopCohort(tx, id, stopped.cohort, stopped.state, describeEnded(stopped.reason, count));
  }
}
