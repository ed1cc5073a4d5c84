import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  // An agent that was given another instance_uid stays the same agent: what is still said under the former
  // one belongs to the present one.
  await sql`
    create table agent_renames (
      former uuid primary key,
      uid uuid not null,
      renamed_at timestamptz not null default now()
    )`.execute(db);
  await sql`create index agent_renames_uid on agent_renames (uid)`.execute(db);
  // The uid under which a limited token counted the agent before; null: this one.
  await sql`alter table enrollments add column former uuid`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table enrollments drop column former`.execute(db);
  await sql`drop table agent_renames`.execute(db);
}
