import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { migrateToLatest } from './migrate.postgres.ts';
import { openDatabase } from './pool.postgres.ts';

const name = `migrations_${randomUUID().replaceAll('-', '')}`;
const url = new URL(inject('postgresUrl'));
const admin = openDatabase({ url: url.href, maxConnections: 1 });

beforeAll(() => sql`create database ${sql.id(name)}`.execute(admin));
afterAll(async () => {
  await sql`drop database ${sql.id(name)} with (force)`.execute(admin);
  await admin.destroy();
});

function connect() {
  const own = new URL(url);
  own.pathname = `/${name}`;
  return openDatabase({ url: own.href, maxConnections: 1 });
}

it('many processes that start at once migrate once', async () => {
  const processes = Array.from({ length: 6 }, connect);
  await Promise.all(processes.map((db) => migrateToLatest(db)));
  const [db] = processes;
  const tables = await db!.introspection.getTables();
  expect(tables.map((table) => table.name)).toEqual(expect.arrayContaining(['agents', 'fleets', 'rollouts']));
  const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(db!);
  expect(new Set(rows.map((row) => row.name)).size).toBe(rows.length);
  expect(await db!.selectFrom('agents').selectAll().execute()).toEqual([]);
  await Promise.all(processes.map((each) => each.destroy()));
});
