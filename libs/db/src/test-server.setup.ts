import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@muster/platform/log';
import { sql } from 'kysely';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from './embedded-postgres.ts';
import { migrateToLatest } from './migrate.postgres.ts';
import { openDatabase } from './pool.postgres.ts';
import { templateDatabase } from './test-database.postgres.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The server that all integration tests of one run share. */
    postgresUrl: string;
  }
}

/** vitest global setup: one embedded server for the run, with a migrated template database. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'muster-test-'));
  const settings = {
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    max_connections: '300',
  };
  const server = await startEmbeddedPostgres({ dataDir, log: silentLog, settings });
  await makeTemplate(server.url);
  project.provide('postgresUrl', server.url);
  return async () => {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
}

async function makeTemplate(serverUrl: string): Promise<void> {
  const admin = openDatabase({ url: serverUrl, maxConnections: 1 });
  await sql`create database ${sql.id(templateDatabase)}`.execute(admin);
  await admin.destroy();
  const url = new URL(serverUrl);
  url.pathname = `/${templateDatabase}`;
  const template = openDatabase({ url: url.href, maxConnections: 1 });
  await migrateToLatest(template);
  await template.destroy();
}
