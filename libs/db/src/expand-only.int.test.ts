import { randomUUID } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import previousRelease from '../previous-release.json' with { type: 'json' };
import { migrations } from './migrate.postgres.ts';
import { openDatabase } from './pool.postgres.ts';
import { contractions, readShape, type SchemaShape } from './schema-shape.setup.ts';
import { SchemaMigrations } from './schema-migrations.postgres.ts';
import type { Database } from './schema.ts';

/** What this release takes away that the one before no longer uses: the answers of `contractions`, each with its reason. */
const contracted: string[] = [];

const name = `shapes_${randomUUID().replaceAll('-', '')}`;
const url = new URL(inject('postgresUrl'));
const admin = openDatabase({ url: url.href, maxConnections: 1 });
let db: Kysely<Database>;
let before: SchemaShape;

beforeAll(async () => {
  await sql`create database ${sql.id(name)}`.execute(admin);
  const own = new URL(url);
  own.pathname = `/${name}`;
  db = openDatabase({ url: own.href, maxConnections: 2 });
  const older = Object.entries(migrations).filter(([key]) => key <= previousRelease.newestMigration);
  await new SchemaMigrations(Object.fromEntries(older)).migrate(db);
  before = await readShape(db);
});
afterAll(async () => {
  await db?.destroy();
  await sql`drop database if exists ${sql.id(name)} with (force)`.execute(admin);
  await admin.destroy();
});

describe('the migrations of this release', () => {
  it('leave the release before all that it uses', async () => {
    await new SchemaMigrations(migrations).migrate(db);
    expect(contractions(before, await readShape(db)).toSorted()).toEqual(contracted.toSorted());
  });

  it('come after those of the release before, so that its newest tells what it knows', () => {
    expect(Object.keys(migrations)).toContain(previousRelease.newestMigration);
  });
});

describe('the check', () => {
  it.each([
    [
      'a column that is dropped',
      'alter table enrollments drop column enrolled_at',
      /enrollments.enrolled_at is gone/,
    ],
    ['one that is renamed', 'alter table agents rename column uid to id', /agents.uid is gone/],
    [
      'another type',
      'alter table agent_renames alter column renamed_at type text',
      /was timestamp with time zone and is text/,
    ],
    ['a table that is dropped', 'drop table agent_renames', /agent_renames.uid is gone/],
    [
      'a new column that old rows lack',
      'alter table audit_events add column more text not null',
      /audit_events.more is new/,
    ],
    [
      'null no longer',
      'alter table agent_states alter column connected_at set not null',
      /takes null no longer/,
    ],
    [
      'a default less',
      'alter table agent_renames alter column renamed_at drop default',
      /has a default no longer/,
    ],
    ['a new check', 'alter table fleets add check (priority < 5)', /fleets .*refuses/],
    ['a new unique index', 'create unique index one_each on agent_states (transport)', /one_each.*refuses/],
    ['a unique index less', 'drop index config_failures_id', /config_failures unique .* is gone/],
    [
      'a row that can no longer go',
      'create table notes (uid uuid references agents (uid))',
      /notes .*refuses .*agents/,
    ],
  ])('finds %s', async (_what, statement, problem) => {
    const undo = new Error('undo');
    let found: string[] = [];
    await db
      .transaction()
      .execute(async (transaction) => {
        await sql.raw(statement).execute(transaction);
        found = contractions(before, await readShape(transaction));
        throw undo;
      })
      .catch((error: unknown) => {
        if (error !== undo) throw error;
      });
    expect(found.join('\n')).toMatch(problem);
  });

  it('lets additions pass', async () => {
    await sql`create table notes (uid uuid primary key references agents (uid) on delete cascade, n int check (n > 0))`.execute(
      db,
    );
    await sql`alter table agents add column note text, add column noted boolean not null default false`.execute(
      db,
    );
    await sql`create index agents_noted on agents (noted)`.execute(db);
    expect(contractions(before, await readShape(db))).toEqual(contracted);
  });
});
