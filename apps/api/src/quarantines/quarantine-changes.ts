import type { Kysely } from 'kysely';
import type { Actor } from '@muster/access/actor';
import type { Audit } from '@muster/access/audit.postgres';
import type { Quarantines } from '@muster/configs/quarantines.postgres';
import type { Database } from '@muster/db/schema';
import { transact } from '@muster/db/transaction';

/** What people do to quarantines. Each change is in the audit log before it takes effect. */
export class QuarantineChanges {
  readonly #db: Kysely<Database>;
  readonly #audit: Audit;
  readonly #quarantines: Quarantines;

  constructor(deps: { db: Kysely<Database>; audit: Audit; quarantines: Quarantines }) {
    this.#db = deps.db;
    this.#audit = deps.audit;
    this.#quarantines = deps.quarantines;
  }

  /** @throws UnknownQuarantine */
  async lift(actor: Actor, id: string): Promise<void> {
    await transact(this.#db, async (tx) => {
      await this.#audit.record(tx, { actor, action: 'quarantines.lift', resource: `quarantine/${id}` });
      await this.#quarantines.lift(tx, actor, id);
    });
  }
}
