import { sql } from 'kysely';
import type { Tx } from '@muster/db/transaction';

/** Keeps processes that start at the same time from making the first credentials twice; held to the end of the transaction. */
export async function lockFirstCredentials(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('muster.access.first-credentials'))`.execute(tx.db);
}
