import { sql, type Kysely } from 'kysely';

/** Agents without a fleet, as all are when they come, need no entry: nobody looks for them by their fleet. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`drop index agents_fleet`.execute(db);
  await sql`create index agents_fleet on agents (fleet, uid) where fleet is not null`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop index agents_fleet`.execute(db);
  await sql`create index agents_fleet on agents (fleet, uid)`.execute(db);
}
