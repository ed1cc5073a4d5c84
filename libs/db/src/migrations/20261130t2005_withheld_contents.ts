import { sql, type Kysely } from 'kysely';

/** What cannot be searched for credentials, or not compared, in the time and memory there is, says so. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // Why the body is empty; null: it is there.
  await sql`alter table report_contents add column withheld text`.execute(db);
  // Credentials beyond those of the list.
  await sql`alter table effective_config_findings add column omitted integer not null default 0`.execute(db);
  // Why it cannot be said whether they differ; null: it can.
  await sql`alter table effective_comparisons add column not_compared text`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table effective_comparisons drop column not_compared`.execute(db);
  await sql`alter table effective_config_findings drop column omitted`.execute(db);
  await sql`alter table report_contents drop column withheld`.execute(db);
}
