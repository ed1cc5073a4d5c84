import type { Audit } from '@muster/access/audit.postgres';
import { transact } from '@muster/db/transaction';
import type { Database } from '@muster/db/schema';
import type { AgentsContested } from '@muster/messages/vocabulary';
import type { Kysely } from 'kysely';

const actions = {
  takenOver: 'agents.take-over',
  refused: 'agents.refuse',
  separated: 'agents.separate',
} as const satisfies Record<AgentsContested['outcome'], string>;

/** Notes in the audit log who wanted agents of others, and what became of it. */
export class ContestedAgents {
  readonly #db: Kysely<Database>;
  readonly #audit: Audit;

  constructor(db: Kysely<Database>, audit: Audit) {
    this.#db = db;
    this.#audit = audit;
  }

  /** Each is noted once, however often it is told. Gateways tell few, with how many they stand for. */
  async note(facts: readonly AgentsContested[]): Promise<void> {
    await transact(this.#db, async (tx) => {
      for (const { id, outcome, ...detail } of facts) {
        await this.#audit.record(tx, {
          id,
          actor: 'system',
          action: actions[outcome],
          resource: detail.uid === null ? `gateway/${detail.gateway}` : `agent/${detail.uid}`,
          detail,
        });
      }
    });
  }
}
