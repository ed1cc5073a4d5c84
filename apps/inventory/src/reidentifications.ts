import type { Audit } from '@muster/access/audit.postgres';
import { transact } from '@muster/db/transaction';
import type { Database } from '@muster/db/schema';
import type { AgentsReidentified } from '@muster/messages/vocabulary';
import type { Kysely } from 'kysely';

/** Notes in the audit log which agents were given another instance_uid, and why. */
export class Reidentifications {
  readonly #db: Kysely<Database>;
  readonly #audit: Audit;

  constructor(db: Kysely<Database>, audit: Audit) {
    this.#db = db;
    this.#audit = audit;
  }

  /** Each is noted once, however often it is told: the new uid is nobody else's. */
  async note(facts: readonly AgentsReidentified[]): Promise<void> {
    await transact(this.#db, async (tx) => {
      for (const { uid, ...detail } of facts) {
        await this.#audit.recordOnce(tx, {
          actor: 'system',
          action: 'agents.reidentify',
          resource: `agent/${uid}`,
          detail: { uid, ...detail },
        });
      }
    });
  }
}
