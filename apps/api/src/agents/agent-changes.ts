import type { Kysely } from 'kysely';
import type { Actor } from '@muster/access/actor';
import type { Audit } from '@muster/access/audit.postgres';
import type { AgentId } from '@muster/agents/agent-id';
import type { AgentCommands } from '@muster/agents/agent-commands';
import type { AgentStore } from '@muster/agents/agent-store.postgres';
import type { FleetMembership } from '@muster/configs/fleet-membership';
import type { Database } from '@muster/db/schema';
import { transact } from '@muster/db/transaction';

/** What people do to agents. Each change is in the audit log before it takes effect. */
export class AgentChanges {
  readonly #db: Kysely<Database>;
  readonly #audit: Audit;
  readonly #store: AgentStore;
  readonly #commands: AgentCommands;
  readonly #membership: Pick<FleetMembership, 'place'>;

  constructor(deps: {
    db: Kysely<Database>;
    audit: Audit;
    store: AgentStore;
    commands: AgentCommands;
    membership: Pick<FleetMembership, 'place'>;
  }) {
    this.#membership = deps.membership;
    this.#db = deps.db;
    this.#audit = deps.audit;
    this.#store = deps.store;
    this.#commands = deps.commands;
  }

  /** Replaces the agent's labels, and places it into the fleet that they choose: the bus, which would say so, may be away. */
  async setLabels(actor: Actor, id: AgentId, labels: Record<string, string>): Promise<void> {
    await transact(this.#db, async (tx) => {
      await this.#audit.record(tx, {
        actor,
        action: 'agents.set-labels',
        resource: `agent/${id}`,
        detail: { labels },
      });
      await this.#store.setLabels(tx, id, labels);
    });
    await transact(this.#db, (tx) => this.#membership.place(tx, [id]));
  }

  /** Forgets the agent. If it comes again, it is a new one. */
  async delete(actor: Actor, id: AgentId): Promise<void> {
    await transact(this.#db, async (tx) => {
      await this.#audit.record(tx, { actor, action: 'agents.delete', resource: `agent/${id}` });
      await this.#store.delete(tx, id);
    });
  }

  /** Asks the agent to restart. The order is in the audit log also when it cannot be carried out. */
  async restart(actor: Actor, id: AgentId): Promise<void> {
    await transact(this.#db, (tx) =>
      this.#audit.record(tx, { actor, action: 'agents.restart', resource: `agent/${id}` }),
    );
    await this.#commands.restart(id);
  }
}
