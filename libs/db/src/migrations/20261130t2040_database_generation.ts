import { sql, type Kysely } from 'kysely';

/**
 * How far this database has come, which others note too: when they know more than it does, it has been restored
 * from a backup, or is another one.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table database_generation (
      singleton boolean primary key default true check (singleton), -- one row
      lineage uuid not null default gen_random_uuid(), -- stays with the data, also in a copy
      number bigint not null default 1, -- grows all along
      held_since timestamptz, -- offers wait for an operator since; null: they are made
      held_reason text
    )`.execute(db);
  await sql`insert into database_generation default values`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table database_generation`.execute(db);
}
