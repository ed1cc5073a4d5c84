import type { AgentId } from '@muster/agents/agent-id';
import type { Tx } from '@muster/db/transaction';
import type { Announcer } from './announcer.ts';
import type { FleetStore } from './fleet-store.postgres.ts';

/** Places agents that are new or changed into fleets. */
export class FleetMembership {
  readonly #store: FleetStore;
  readonly #announcer: Announcer;

  constructor(store: FleetStore, announcer: Announcer) {
    this.#store = store;
    this.#announcer = announcer;
  }

  /** Places these agents by the fleets there are; announces those that moved. Unknown agents are left out. */
  async place(tx: Tx, agents: readonly AgentId[]): Promise<void> {
    await this.#store.shareRules(tx);
    const moved = await this.#store.place(tx, agents);
    if (moved.length > 0) tx.afterCommit(() => this.#announcer.announceAgents(moved, 'fleet'));
  }

  /** The same for agents that connected and said nothing new: they may belong to another token now. */
  async placeConnected(tx: Tx, agents: readonly AgentId[]): Promise<void> {
    if (await this.#store.asksForTokens(tx)) await this.place(tx, agents);
  }
}
