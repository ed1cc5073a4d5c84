import type { AgentId } from '@muster/agents/agent-id';
import type { Tx } from '@muster/db/transaction';
import type { Announcer } from './announcer.ts';
import type { DesiredStateStore } from './desired-state-store.postgres.ts';
import type { OfferDelivery } from './offer-delivery.ts';
import type { Target } from './target.ts';

/** Changes what agents should run. The offers go out after the transaction has committed. */
export class DesiredState {
  readonly #store: DesiredStateStore;
  readonly #offers: OfferDelivery;
  readonly #announcer: Announcer;

  constructor(store: DesiredStateStore, offers: OfferDelivery, announcer: Announcer) {
    this.#store = store;
    this.#offers = offers;
    this.#announcer = announcer;
  }

  /**
   * Sets targets. An agent in quarantine for a version is not given it: it is left out. Answers the agents
   * that got their target.
   */
  async setTargets(tx: Tx, targets: readonly Target[]): Promise<AgentId[]> {
    if (targets.length === 0) return [];
    const changed = await this.#store.setTargets(tx, targets);
    await this.#deliverAfterCommit(tx, changed);
    return changed;
  }

  /** Offers agents whose target failed what they had before it; without that, nothing. */
  async fallBack(tx: Tx, agents: readonly AgentId[]): Promise<void> {
    if (agents.length === 0) return;
    await this.#deliverAfterCommit(tx, await this.#store.fallBack(tx, agents));
  }

  /** Falls back wherever an agent said FAILED for its target, whoever had set it; of `agents`, or all (null). */
  async fallBackFailed(tx: Tx, agents: readonly AgentId[] | null): Promise<void> {
    await this.fallBack(tx, await this.#store.failedTargets(tx, agents));
  }

  /** Offers nothing to these agents, which never took what this rollout offered them; the target stays. */
  async withdraw(tx: Tx, rolloutId: string, agents: readonly AgentId[]): Promise<void> {
    if (agents.length === 0) return;
    await this.#deliverAfterCommit(tx, await this.#store.withdraw(tx, rolloutId, agents));
  }

  /** Offers what this rollout offered again to agents that have taken it after all, though they were given up. */
  async restore(tx: Tx, rolloutId: string, agents: readonly AgentId[]): Promise<void> {
    if (agents.length === 0) return;
    await this.#deliverAfterCommit(tx, await this.#store.restore(tx, rolloutId, agents));
  }

  /**
   * Offers agents their target again that fell back from it. Answers those: the others are offered it already,
   * have failed it, or have none.
   */
  async retryTargets(tx: Tx, agents: readonly AgentId[]): Promise<AgentId[]> {
    if (agents.length === 0) return [];
    const retried = await this.#store.retryTargets(tx, agents);
    await this.#deliverAfterCommit(tx, retried);
    return retried;
  }

  /**
   * Takes agents back to what they had before this rollout. Answers the config each goes back to; null: it
   * had none. Agents that have got another target since are left alone and missing in the answer.
   */
  async revert(
    tx: Tx,
    rolloutId: string,
    agents: readonly AgentId[],
  ): Promise<{ agent: AgentId; hash: string | null }[]> {
    if (agents.length === 0) return [];
    const reverted = await this.#store.revert(tx, rolloutId, agents);
    const changed = reverted.map(({ agent }) => agent);
    await this.#deliverAfterCommit(tx, changed);
    return reverted;
  }

  /** The note is for the sweep, should this process not live to deliver. */
  async #deliverAfterCommit(tx: Tx, agents: readonly AgentId[]): Promise<void> {
    if (agents.length === 0) return;
    const note = await this.#store.noteUndelivered(tx, agents);
    tx.afterCommit(() => this.#offers.deliver({ note, agents }));
    tx.afterCommit(() => this.#announcer.announceAgents(agents, 'configuration'));
  }
}
