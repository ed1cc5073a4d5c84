import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startEmbeddedPostgres } from '@muster/db/embedded-postgres';
import { MissingBinary, startLocalNats, startLocalRedis } from '@muster/platform/local-services';
import type { Log } from '@muster/platform/log';
import { assemble } from '@muster/platform/process';
import type { Running } from '@muster/platform/running';
import type { ClusterEnv } from './env.ts';

export interface Backends extends Running {
  databaseUrl: string;
  natsUrl: string;
  redisUrl: string;
}

/**
 * PostgreSQL, NATS and Redis for the cluster. Each is, in this order: the one whose URL is set; one started
 * from the binaries of this machine with its data below `dataDir`; on Debian as root, one installed first.
 */
export async function startBackends(
  env: ClusterEnv,
  dataDir: string,
  log: Log,
  print: (text: string) => void,
): Promise<Backends> {
  const urls = { databaseUrl: '', natsUrl: '', redisUrl: '' };
  const { MUSTER_BIN_DIR: binDir } = env;
  const running = await assemble(async (keep) => {
    urls.databaseUrl = env.MUSTER_DATABASE_URL ?? keep(await startEmbeddedPostgres({ dataDir, log })).url;
    const nats = () => startLocalNats({ dataDir: join(dataDir, 'nats'), binDir, log });
    urls.natsUrl = env.MUSTER_NATS_URL ?? keep(await orInstalled('nats-server', print, nats)).url;
    const redis = () => startLocalRedis({ dataDir: join(dataDir, 'redis'), binDir, log });
    urls.redisUrl = env.MUSTER_REDIS_URL ?? keep(await orInstalled('redis-server', print, redis)).url;
  });
  return { ...urls, stop: () => running.stop() };
}

/** Runs `start`; when its binary is missing on a Debian machine that is ours to change, installs the package first. */
async function orInstalled<T>(
  debianPackage: string,
  print: (text: string) => void,
  start: () => Promise<T>,
): Promise<T> {
  try {
    return await start();
  } catch (error) {
    const mayInstall = process.getuid?.() === 0 && existsSync('/etc/debian_version');
    if (!(error instanceof MissingBinary) || !mayInstall) throw error;
    print(`Installing ${debianPackage} …\n`);
    await aptInstall(debianPackage).catch(() => {
      throw error;
    });
    return start();
  }
}

async function aptInstall(debianPackage: string): Promise<void> {
  const run = promisify(execFile);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-qq'], { env });
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', debianPackage], { env });
}
