import type { Log } from '@muster/platform/log';
import { Kysely, PostgresDialect } from 'kysely';
import { Pool } from 'pg';
import { keepPrepared } from './prepared-statements.ts';
import type { Database } from './schema.ts';

export interface DatabaseOptions {
  /** postgresql://user:password@host:port/database */
  url: string;
  maxConnections: number;
  log?: Log;
}

/**
 * Opens a pool. No connection is made before the first query; `destroy()` waits for those under way.
 * int8 and numeric are read as text, so that 64 bits survive.
 */
export function openDatabase({ url, maxConnections, log }: DatabaseOptions): Kysely<Database> {
  const pool = new Pool({ connectionString: url, max: maxConnections, application_name: 'muster' });
  pool.on('connect', keepPrepared);
  // The pool listens while a connection is idle. One that breaks between two queries of a transaction, or while it is
  // closed, would end the process: the next query says it.
  pool.on('connect', (client) => client.on('error', () => undefined));
  // Without a listener a connection that breaks while idle would end the process; the pool replaces it.
  pool.on('error', (error) => {
    // The last ones close after `destroy()` has resolved, together with a server that is stopped next.
    if (!pool.ending) log?.warn({ reason: error.message }, 'an idle database connection broke');
  });
  return new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
}
