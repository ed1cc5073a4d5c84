import { randomUUID } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { inject } from 'vitest';
import { openDatabase } from './pool.postgres.ts';
import type { Database } from './schema.ts';

/** The migrated, empty database that every test database is a copy of. */
export const templateDatabase = 'muster_template';

export interface TestDatabase {
  db: Kysely<Database>;
  url: string;
  /** Closes `db` and removes the database, cutting whoever else is connected. */
  drop(): Promise<void>;
}

/** An empty, migrated database of the test's own, on the server that `test-server.setup.ts` started. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const serverUrl = inject('postgresUrl');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await administer(serverUrl, `create database ${name} template ${templateDatabase} strategy file_copy`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const db = openDatabase({ url: url.href, maxConnections: 10 });
  return {
    db,
    url: url.href,
    async drop() {
      await db.destroy();
      await administer(serverUrl, `drop database ${name} with (force)`);
    },
  };
}

async function administer(serverUrl: string, statement: string): Promise<void> {
  const admin = openDatabase({ url: serverUrl, maxConnections: 1 });
  try {
    await sql.raw(statement).execute(admin);
  } finally {
    await admin.destroy();
  }
}
