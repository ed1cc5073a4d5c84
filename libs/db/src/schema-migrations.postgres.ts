import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '@muster/platform/log';
import { type Kysely, type Transaction, sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import { SchemaUnusable } from './errors.ts';
import type { SchemaMigration } from './migration.ts';
import type { Database } from './schema.ts';
import { patient } from './silent-connections.ts';

/** Any number that all versions of Muster share. */
const migrationLock = 4320_4321;
/**
 * Up to this one migrations are noted in `kysely_migration`, as the release did that had no other: it refuses a
 * database with more in that table. Later ones are noted in `schema_migrations`, with what they need.
 */
const lastOfKysely = '20261128t1211_comparison_digests';

/** A statement waits so long for a lock: others queue behind it. Then it lets them pass and tries again. */
const lockTimeout = '3s';
const lockTries = 40;
const lockPauseMs = 500;
/** No statement of a migration keeps a lock for longer. */
const statementTimeout = '60s';
const lookEveryMs = 1_000;
/** SQLSTATE of a lock that was not to be had in time, and of a statement that took too long. */
const lockNotAvailable = '55P03';
const queryCanceled = '57014';

/** What a database has had done to it. */
interface Done {
  names: Set<string>;
  /** Name → the migration it needs, of those that need one. */
  needs: Map<string, string>;
}

/** The migrations of this release, in the order of their names. They may have come to it in any order. */
export class SchemaMigrations {
  readonly #all: ReadonlyMap<string, SchemaMigration>;

  constructor(migrations: Readonly<Record<string, SchemaMigration>>) {
    this.#all = new Map(Object.entries(migrations).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** See `migrateToLatest`. */
  async migrate(db: Kysely<Database>, log?: Log): Promise<string[]> {
    const done: string[] = [];
    const missing = this.#missingIn(await this.#readDone(db, log));
    if (missing.some((name) => name <= lastOfKysely)) done.push(...(await this.#migrateFirst(db)));
    for (const [name, migration] of this.#all) {
      if (name <= lastOfKysely) continue;
      if (await this.#apply(db, name, migration, log)) done.push(name);
    }
    if (done.length > 0) log?.info({ migrations: done }, 'database migrated');
    return done;
  }

  /** See `awaitSchema`; `waiting` is told once why. */
  async wait(
    db: Kysely<Database>,
    log: Log,
    signal: AbortSignal,
    waiting: (reason: string) => Promise<void>,
  ): Promise<void> {
    for (let told = false; ; told = true) {
      signal.throwIfAborted();
      const missing = this.#missingIn(await this.#readDone(db, told ? undefined : log));
      if (missing.length === 0) return;
      if (!told) {
        const reason = `the database lacks ${missing.length} migrations of this release: run muster migrate`;
        log.warn({ first: missing[0] }, reason);
        await waiting(reason);
      }
      await pause(lookEveryMs, undefined, { signal }).catch(() => {});
    }
  }

  #missingIn({ names }: Done): string[] {
    return [...this.#all.keys()].filter((name) => !names.has(name));
  }

  /** What was done, when this release can run with it. */
  async #readDone(db: Kysely<Database>, log?: Log): Promise<Done> {
    const done = await readDone(db);
    const newer = [...done.names].filter((name) => !this.#all.has(name));
    for (const name of newer) {
      const needs = done.needs.get(name);
      if (needs === undefined || this.#all.has(needs)) continue;
      throw new SchemaUnusable(
        `the database is too new for this Muster: migration ${name} of a newer release took away what this one uses. Run a release that knows migration ${needs}, or restore the backup from before`,
      );
    }
    if (newer.length > 0)
      log?.warn(
        { migrations: newer.toSorted() },
        'the database is of a newer release that this one can run with',
      );
    return done;
  }

  /** The oldest migrations, in one transaction: all of them or none. */
  async #migrateFirst(db: Kysely<Database>): Promise<string[]> {
    const first = Object.fromEntries([...this.#all].filter(([name]) => name <= lastOfKysely));
    const provider = { getMigrations: async () => first };
    return db.transaction().execute(async (transaction) => {
      // Before the migrator's own lock: it creates its tables first, which two at once cannot.
      await lock(transaction);
      const migrator = new Migrator({ db: transaction, provider });
      const { error, results } = await migrator.migrateToLatest();
      if (error) throw error;
      return (results ?? []).map(({ migrationName }) => migrationName);
    });
  }

  /** False: it was done already. */
  async #apply(
    db: Kysely<Database>,
    name: string,
    { up, needs, unbounded = false }: SchemaMigration,
    log: Log | undefined,
  ): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await db.transaction().execute(async (transaction) => {
          await lock(transaction);
          if ((await readDone(transaction)).names.has(name)) return false;
          await createTable(transaction);
          if (unbounded) {
            await sql`set local idle_in_transaction_session_timeout = 0`.execute(transaction);
            await up(db);
          } else {
            await sql`select set_config('lock_timeout', ${lockTimeout}, true), set_config('statement_timeout', ${statementTimeout}, true)`.execute(
              transaction,
            );
            await up(transaction);
          }
          await sql`insert into schema_migrations (name, needs) values (${name}, ${needs ?? null})`.execute(
            transaction,
          );
          return true;
        });
      } catch (error) {
        const { code } = error as { code?: string };
        if (code === queryCanceled)
          throw new SchemaUnusable(`migration ${name} took longer than ${statementTimeout} and was undone`, {
            cause: error,
          });
        if (code !== lockNotAvailable) throw error;
        if (attempt === lockTries)
          throw new SchemaUnusable(
            `migration ${name} did not get a lock it needs: end the long transaction that holds it (see pg_stat_activity) and run muster migrate again`,
            { cause: error },
          );
        if (attempt === 1) log?.warn({ migration: name }, 'a migration waits for a lock');
        await pause(lockPauseMs);
      }
    }
  }
}

/** Until the transaction ends; waits for another process that migrates. */
async function lock(transaction: Transaction<Database>): Promise<void> {
  await sql`${sql.raw(patient)}select pg_advisory_xact_lock(${migrationLock})`.execute(transaction);
}

async function createTable(db: Kysely<Database>): Promise<void> {
  await sql`
    create table if not exists schema_migrations (
      name text primary key,
      needs text, -- releases that do not know this migration cannot run on the schema
      applied_at timestamptz not null default now()
    )`.execute(db);
}

async function readDone(db: Kysely<Database>): Promise<Done> {
  const { rows: tables } = await sql<{ first: boolean; later: boolean }>`
    select to_regclass('kysely_migration') is not null as first,
      to_regclass('schema_migrations') is not null as later`.execute(db);
  const done: Done = { names: new Set(), needs: new Map() };
  if (tables[0]!.first) {
    const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(db);
    for (const { name } of rows) done.names.add(name);
  }
  if (tables[0]!.later) {
    const { rows } = await sql<{ name: string; needs: string | null }>`
      select name, needs from schema_migrations`.execute(db);
    for (const { name, needs } of rows) {
      done.names.add(name);
      if (needs !== null) done.needs.set(name, needs);
    }
  }
  return done;
}
