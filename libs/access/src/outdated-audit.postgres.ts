import type { Database } from '@muster/db/schema';
import { sql, type Kysely } from 'kysely';

/** Takes events out of the audit log that are older than they have to be kept. */
export class OutdatedAudit {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Deletes at most so many events from before `before`, the oldest first. Answers how many. */
  async delete(before: Date, atMost: number): Promise<number> {
    // Ids are UUIDv7: they begin with the milliseconds of their event.
    const since = before.getTime().toString(16).padStart(12, '0');
    const firstId = `${since.slice(0, 8)}-${since.slice(8)}-7000-8000-000000000000`;
    const { numAffectedRows } = await sql`
      delete from audit_events where id in (
        select id from audit_events where id < ${firstId}::uuid order by id limit ${atMost}
      )`.execute(this.#db);
    return Number(numAffectedRows ?? 0n);
  }
}
