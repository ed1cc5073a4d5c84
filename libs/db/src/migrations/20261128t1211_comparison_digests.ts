import { sql, type Kysely } from 'kysely';

/** Agents are alike in what differs when paths and values are the same. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // SHA-256 of all paths that differ with the reported values, which may be secret; null: nothing differs.
  await sql`alter table effective_comparisons add column digest bytea`.execute(db);
  // They are made again.
  await sql`delete from effective_comparisons where differs`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table effective_comparisons drop column digest`.execute(db);
}
