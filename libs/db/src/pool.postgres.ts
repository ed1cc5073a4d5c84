import type { Log } from '@muster/platform/log';
import { Kysely, PostgresDialect } from 'kysely';
import { Client, Pool } from 'pg';
import { readDatabaseUrl, unreachableInWords } from './database-url.ts';
import { DatabaseUnusable } from './errors.ts';
import { keepPrepared } from './prepared-statements.ts';
import type { Database } from './schema.ts';
import { SilentConnections } from './silent-connections.ts';

export interface DatabaseOptions {
  /** postgresql://user:password@host:port/database?sslmode=verify-full&sslrootcert=/path/ca.pem */
  url: string;
  maxConnections: number;
  /** A connection whose server does not answer a query for so long is cut, milliseconds; default a minute. */
  silenceMs?: number;
  log?: Log;
}

/** How long a query may wait for a connection, a new one or one that others use, milliseconds. */
const connectionWithinMs = 10_000;
const defaultSilenceMs = 60_000;

/**
 * Opens a pool and asks the server for an answer. Rejects with a `DatabaseUnusable` or an `UnusableFile`: one line with
 * the cause and the way out.
 */
export async function connectDatabase(options: DatabaseOptions): Promise<Kysely<Database>> {
  const client = new Client({ connectionString: readDatabaseUrl(options.url), ...clientOptions });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw new DatabaseUnusable(unreachableInWords(options.url, error), { cause: error });
  } finally {
    void client.end().catch(() => undefined);
  }
  return openDatabase(options);
}

const clientOptions = {
  application_name: 'muster',
  connectionTimeoutMillis: connectionWithinMs,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
};

/**
 * Opens a pool. No connection is made before the first query; `destroy()` waits for those under way.
 * int8 and numeric are read as text, so that 64 bits survive.
 */
export function openDatabase(options: DatabaseOptions): Kysely<Database> {
  const { url, maxConnections, silenceMs = defaultSilenceMs, log } = options;
  const pool = new Pool({ connectionString: readDatabaseUrl(url), max: maxConnections, ...clientOptions });
  const silent = new SilentConnections(silenceMs);
  pool.on('connect', keepPrepared);
  pool.on('connect', (client) => silent.watch(client));
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

/** How long a look at the server may take, milliseconds. */
const lookWithinMs = 5_000;

/**
 * Asks whether the server answers, over a connection of its own: what waits for the pool neither delays the answer
 * nor is delayed by the question. `check`: null, or what is wrong.
 */
export function watchDatabase(url: string): { check(): Promise<string | null>; stop(): Promise<void> } {
  const pool = new Pool({
    connectionString: readDatabaseUrl(url),
    max: 1,
    ...clientOptions,
    application_name: 'muster-readiness',
    connectionTimeoutMillis: lookWithinMs,
    // Longer than orchestrators wait between two looks.
    idleTimeoutMillis: 60_000,
    allowExitOnIdle: true,
  });
  const silent = new SilentConnections(lookWithinMs);
  pool.on('connect', (client) => {
    silent.watch(client);
    client.on('error', () => undefined);
  });
  pool.on('error', () => undefined);
  return {
    async check() {
      try {
        await pool.query('select 1');
        return null;
      } catch (error) {
        return unreachableInWords(url, error);
      }
    },
    stop: () => pool.end(),
  };
}
