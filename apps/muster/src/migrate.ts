import { migrateToLatest } from '@muster/db/migrate.postgres';
import { openDatabase } from '@muster/db/pool.postgres';
import { createLog } from '@muster/platform/log';
import { describeFailure } from '@muster/platform/process';
import { readSettings } from '@muster/platform/settings';

/**
 * Migrates the database, says what was done, and ends with 0; a failure is one line on stderr and 1. A signal ends it at
 * once: what was under way is undone, and the next call goes on from there.
 */
export async function migrate(print: (text: string) => void): Promise<void> {
  try {
    const env = readSettings(['MUSTER_DATABASE_URL', 'MUSTER_LOG_LEVEL'], process.env);
    const log = createLog('migrate', env.MUSTER_LOG_LEVEL);
    // a second connection for what cannot run in the transaction that keeps others away
    const db = openDatabase({ url: env.MUSTER_DATABASE_URL, maxConnections: 2, log });
    try {
      const done = await migrateToLatest(db, log);
      print(done.length === 0 ? 'The database is up to date.\n' : `Migrated: ${done.join(', ')}\n`);
    } finally {
      await db.destroy();
    }
  } catch (error) {
    process.stderr.write(`muster: ${describeFailure(error)}\n`);
    process.exitCode = 1;
  }
}
