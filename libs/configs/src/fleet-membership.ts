import type { AgentId } from '@muster/agents/agent-id';
import { matchesSelector, parseSelector, type Selector } from '@muster/agents/selector';
import type { Tx } from '@muster/db/transaction';
import type { Announcer } from './announcer.ts';
import type { FleetRule, FleetStore } from './fleet-store.postgres.ts';

/** Places agents that are new or changed into fleets. */
export class FleetMembership {
  readonly #store: FleetStore;
  readonly #announcer: Announcer;
  readonly #selectors = new Map<string, Selector>();

  constructor(store: FleetStore, announcer: Announcer) {
    this.#store = store;
    this.#announcer = announcer;
  }

  /** Places these agents by the fleets there are; announces those that moved. Unknown agents are left out. */
  async place(tx: Tx, agents: readonly AgentId[]): Promise<void> {
    await this.#store.shareRules(tx);
    const rules = await this.#store.rules(tx);
    this.#parse(rules);
    const moves = (await this.#store.placements(tx, agents))
      .map(({ agent, matching, fleet }) => ({ agent, from: fleet, fleet: this.#fleetOf(rules, matching) }))
      .filter(({ from, fleet }) => from !== fleet);
    if (moves.length === 0) return;
    await this.#store.place(tx, moves);
    const moved = moves.map(({ agent }) => agent);
    tx.afterCommit(() => this.#announcer.announceAgents(moved, 'fleet'));
  }

  #fleetOf(rules: readonly FleetRule[], matching: Record<string, string>): string | null {
    const rule = rules.find(({ selector }) => matchesSelector(this.#selectors.get(selector)!, matching));
    return rule?.name ?? null;
  }

  #parse(rules: readonly FleetRule[]): void {
    const known = new Set(rules.map(({ selector }) => selector));
    for (const selector of this.#selectors.keys()) if (!known.has(selector)) this.#selectors.delete(selector);
    for (const selector of known) {
      if (!this.#selectors.has(selector)) this.#selectors.set(selector, parseSelector(selector));
    }
  }
}
