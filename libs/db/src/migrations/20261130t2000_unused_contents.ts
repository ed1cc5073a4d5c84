import { sql, type Kysely } from 'kysely';

/** What nothing refers to any more is found and freed. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table report_contents
      -- When somebody last reported it; not at every report.
      add column touched_at timestamptz not null default now(),
      -- Agents may name it by a hash alone, a while after it was reported: a list of components.
      add column named boolean not null default true`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table report_contents drop column touched_at, drop column named`.execute(db);
}
