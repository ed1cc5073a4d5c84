import { sql, type Kysely } from 'kysely';

/** A fleet can be for the agents of certain enrollment tokens alone. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // names of enrollment tokens; null: any agent that the selector matches
  await sql`alter table fleets add column tokens text[]`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table fleets drop column tokens`.execute(db);
}
