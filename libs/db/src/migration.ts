import type { Migration } from 'kysely/migration';

/**
 * One step of the schema. Processes of the release before run on the schema after it, side by side with new ones and
 * after a step back: it adds (columns that are nullable or have a default, tables, indexes) and takes nothing away.
 * `up` runs in a transaction that gives up after a minute, or after a few seconds of waiting for a lock.
 */
export interface SchemaMigration extends Migration {
  /**
   * For a migration that does take away: the name of the migration that came with the oldest release that no longer
   * uses what is taken. Releases that do not know that one refuse to start.
   */
  readonly needs?: string;
  /**
   * `up` runs outside a transaction and without limits of time: `create index concurrently`, large backfills in
   * batches. It may be cut in the middle and run again.
   */
  readonly unbounded?: boolean;
}
