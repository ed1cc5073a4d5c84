import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import type { Muster } from './muster.ts';

/** Where each mode keeps its embedded PostgreSQL, below the data directory. */
const directory = { 'all-in-one': '.', cluster: 'cluster' };

/** A connection to the PostgreSQL of a running Muster. */
export async function connectDatabase(muster: Muster): Promise<Client> {
  const at = join(muster.dataDir, directory[muster.mode]);
  const password = readFileSync(join(at, 'postgres-password'), 'utf8').trim();
  const port = Number(readFileSync(join(at, 'postgres/postmaster.pid'), 'utf8').split('\n')[3]);
  const client = new Client({ host: '127.0.0.1', port, user: 'muster', database: 'postgres', password });
  await client.connect();
  return client;
}

/** How many transactions wrote something so far: each such takes a transaction id, readers take none. */
export async function writingTransactions(database: Client): Promise<number> {
  const { rows } = await database.query('select pg_snapshot_xmax(pg_current_snapshot())::text as next');
  return Number(rows[0].next);
}
