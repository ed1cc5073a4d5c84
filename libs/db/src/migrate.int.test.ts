import { randomUUID } from 'node:crypto';
import { silentLog } from '@muster/platform/log';
import { freePort } from '@muster/platform/local-server';
import { sql, type Kysely } from 'kysely';
import { afterAll, afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { awaitSchema, migrateToLatest, migrations } from './migrate.postgres.ts';
import type { SchemaMigration } from './migration.ts';
import { openDatabase } from './pool.postgres.ts';
import { SchemaMigrations } from './schema-migrations.postgres.ts';
import type { Database } from './schema.ts';

const serverUrl = new URL(inject('postgresUrl'));
const admin = openDatabase({ url: serverUrl.href, maxConnections: 1 });
const opened: Kysely<Database>[] = [];
let name: string;

beforeEach(async () => {
  name = `migrations_${randomUUID().replaceAll('-', '')}`;
  await sql`create database ${sql.id(name)}`.execute(admin);
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((db) => db.destroy()));
  await sql`drop database ${sql.id(name)} with (force)`.execute(admin);
});
afterAll(() => admin.destroy());

/** As a process of its own has it. */
function connect(maxConnections = 1): Kysely<Database> {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const db = openDatabase({ url: url.href, maxConnections });
  opened.push(db);
  return db;
}

const statements = (...texts: string[]) => ({
  async up(db: Kysely<unknown>) {
    for (const text of texts) await sql.raw(text).execute(db);
  },
});
/** A release that has these migrations on top of its own. */
const release = (more: Record<string, SchemaMigration>) => new SchemaMigrations({ ...migrations, ...more });
const columns = async (db: Kysely<Database>, table: string) => {
  const { rows } = await sql<{ column_name: string }>`
    select column_name from information_schema.columns where table_name = ${table}`.execute(db);
  return rows.map((row) => row.column_name);
};

it('many processes that start at once migrate once', async () => {
  const processes = Array.from({ length: 6 }, () => connect());
  const done = await Promise.all(processes.map((db) => migrateToLatest(db)));
  expect(done.flat().toSorted()).toEqual(Object.keys(migrations).toSorted());
  const tables = await processes[0]!.introspection.getTables();
  expect(tables.map((table) => table.name)).toEqual(expect.arrayContaining(['agents', 'fleets', 'rollouts']));
  expect(await processes[0]!.selectFrom('agents').selectAll().execute()).toEqual([]);
});

it('a migration that came to the release later than newer ones is done all the same', async () => {
  const db = connect();
  await release({ '20990101t0002_b': statements('create table b ()') }).migrate(db);
  const both = release({
    '20990101t0001_a': statements('create table a ()'),
    '20990101t0002_b': statements('create table b ()'),
  });
  expect(await both.migrate(db)).toEqual(['20990101t0001_a']);
  expect(await both.migrate(db)).toEqual([]);
});

describe('a database of a newer release', () => {
  const added = { '20990101t0001_added': statements('alter table agents add column later text') };

  it('is left as it is by an older one that can run with it', async () => {
    const db = connect();
    await release(added).migrate(db);
    expect(await migrateToLatest(db)).toEqual([]);
    await awaitSchema(db, { host: '127.0.0.1', port: 0, signal: AbortSignal.timeout(5_000), log: silentLog });
    expect(await columns(db, 'agents')).toContain('later');
  });

  it('looks to the release before as it left it, which knows one table of migrations alone', async () => {
    const db = connect();
    await release(added).migrate(db);
    const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
    expect(rows.map((row) => row.name)).toEqual(
      Object.keys(migrations)
        .filter((known) => known <= '20261128t1211_comparison_digests')
        .toSorted(),
    );
  });

  it('is refused, with the way out, by one that uses what was taken away', async () => {
    const db = connect();
    const taken = {
      '20990202t0001_taken': { ...statements('drop table agent_renames'), needs: '20990101t0001_added' },
    };
    await release({ ...added, ...taken }).migrate(db);
    expect(await release(added).migrate(db)).toEqual([]); // knows what it needs
    const refused = {
      code: 'schema-unusable',
      message: expect.stringMatching(/20990202t0001_taken.*20990101t0001_added.*restore/),
    };
    await expect(migrateToLatest(db)).rejects.toMatchObject(refused);
    await expect(
      awaitSchema(db, { host: '127.0.0.1', port: 0, signal: AbortSignal.timeout(5_000), log: silentLog }),
    ).rejects.toMatchObject(refused);
  });
});

describe('a migration', () => {
  it('that fails leaves nothing behind, and those before it stay', async () => {
    const db = connect();
    const broken = release({
      '20990101t0001_a': statements('create table a ()'),
      '20990101t0002_b': statements('create table b ()', 'select 1 / 0'),
    });
    await expect(broken.migrate(db)).rejects.toThrow('division by zero');
    expect(
      await sql`select to_regclass('a')::text as a, to_regclass('b')::text as b`.execute(db),
    ).toMatchObject({
      rows: [{ a: 'a', b: null }],
    });
  });

  it('waits for a lock without holding up those behind it', async () => {
    const db = connect();
    await migrateToLatest(db);
    const holder = connect();
    let letGo = () => {};
    const held = new Promise<void>((resolve) => (letGo = resolve));
    const long = holder.transaction().execute(async (transaction) => {
      await transaction.selectFrom('agents').selectAll().execute();
      await held;
    });
    const migrating = release({
      '20990101t0001_added': statements('alter table agents add column later text'),
    }).migrate(db);
    const slowest = await slowestRead(connect(), 5_000);
    letGo();
    await long;
    expect(await migrating).toEqual(['20990101t0001_added']);
    expect(slowest).toBeGreaterThan(1_000); // it did stand in the way of others
    expect(slowest).toBeLessThan(4_500);
  });

  it('may build an index while others write', async () => {
    const db = connect(2);
    await release({
      '20990101t0001_index': {
        ...statements('create index concurrently agents_later on agents (enrolled_at)'),
        unbounded: true,
      },
    }).migrate(db);
    const { rows } =
      await sql`select 1 from pg_index where indexrelid = 'agents_later'::regclass and indisvalid`.execute(
        db,
      );
    expect(rows).toHaveLength(1);
  });
});

async function slowestRead(db: Kysely<Database>, forMs: number): Promise<number> {
  let slowest = 0;
  for (const until = Date.now() + forMs; Date.now() < until;) {
    const began = performance.now();
    await db.selectFrom('agents').select('uid').limit(1).execute();
    slowest = Math.max(slowest, performance.now() - began);
  }
  return slowest;
}

describe('a process that needs the schema', () => {
  it('lives and is not ready until the schema is there, and then goes on', async () => {
    const db = connect(2);
    const port = await freePort();
    const probe = (path: string) =>
      fetch(`http://127.0.0.1:${port}${path}`).then(
        async (answer) => [answer.status, await answer.text()],
        () => null,
      );
    let ready = false;
    const waiting = awaitSchema(db, {
      host: '127.0.0.1',
      port,
      signal: new AbortController().signal,
      log: silentLog,
    }).then(() => (ready = true));
    await expect.poll(() => probe('/healthz')).toEqual([200, 'ok\n']);
    expect(await probe('/readyz')).toEqual([503, expect.stringContaining('run muster migrate')]);
    expect(ready).toBe(false);
    await migrateToLatest(connect());
    await waiting;
    expect(await probe('/healthz')).toBe(null);
  });

  it('stops waiting when it is asked to', async () => {
    const stopping = new AbortController();
    const waiting = awaitSchema(connect(), {
      host: '127.0.0.1',
      port: 0,
      signal: stopping.signal,
      log: silentLog,
    });
    setTimeout(() => stopping.abort(), 300);
    await expect(waiting).rejects.toThrow('aborted');
  });
});
