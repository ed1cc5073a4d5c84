import { silentLog } from '@muster/platform/log';
import { startEmbeddedPostgres } from './embedded-postgres.ts';

/** For tests: runs the server on the data directory of the first argument and tells its url. */
const { url } = await startEmbeddedPostgres({ dataDir: process.argv[2]!, log: silentLog });
process.send!(url);
