import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '@muster/platform/local-server';
import { silentLog } from '@muster/platform/log';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startEmbeddedPostgres } from './embedded-postgres.ts';
import { PostgresUnusable } from './errors.ts';
import { openDatabase } from './pool.postgres.ts';
import { findPostgresBinaries } from './postgres-binaries.ts';

/** Removed after each test; the data directory is in it. */
let home: string;
let dataDir: string;
/** A data directory that was started and stopped once; copies of it save time. */
const prepared = mkdtempSync(join(tmpdir(), 'muster-prepared-'));
const children: ChildProcess[] = [];

beforeAll(async () => {
  const server = await startEmbeddedPostgres({ dataDir: prepared, log: silentLog });
  await server.stop();
});
afterAll(() => rmSync(prepared, { recursive: true, force: true }));
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'muster-embedded-'));
  dataDir = home;
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  if (existsSync(lockFile())) process.kill(postmaster(), 'SIGKILL');
  rmSync(home, { recursive: true, force: true, maxRetries: 5 });
});

function copyPrepared(): void {
  // Node's own copy gives root's copies to root, as whom PostgreSQL does not run.
  execFileSync('cp', ['-a', `${prepared}/.`, dataDir]);
}

async function query<T>(url: string, statement: string): Promise<T[]> {
  const db = openDatabase({ url, maxConnections: 1 });
  try {
    return (await sql.raw<T>(statement).execute(db)).rows;
  } finally {
    await db.destroy();
  }
}

/** Starts the server in a process of its own and answers its url. */
async function startInChild(): Promise<{ child: ChildProcess; url: string }> {
  const child = forkServer();
  const url = await new Promise<string>((resolve, reject) => {
    child.once('message', (message) => resolve(String(message)));
    child.once('exit', (code) => reject(new Error(`exit ${code}`)));
  });
  return { child, url };
}

function forkServer(): ChildProcess {
  const program = fileURLToPath(new URL('./embedded-postgres.test-process.ts', import.meta.url));
  const child = fork(program, [dataDir], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  children.push(child);
  return child;
}

async function killed(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

/** As versions before the guard started it; its parent is gone. */
async function startUnguarded(): Promise<number> {
  const { postgres } = findPostgresBinaries();
  const { uid, gid } = statSync(join(dataDir, 'postgres'));
  const command = `"${postgres}" -D "${dataDir}/postgres" -c port=${await freePort()} -c unix_socket_directories= >/dev/null 2>&1 & echo $!`;
  if (uid !== 0) chmodSync(dataDir, 0o755);
  return Number(execFileSync('/bin/sh', ['-c', command], { encoding: 'utf8', cwd: '/', uid, gid }));
}

/** Command lines of the processes that work in the directory or name it, but for those of the test itself. */
function processesOf(directory: string): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        const isThere = readlinkSync(`/proc/${pid}/cwd`).startsWith(directory) || line.includes(directory);
        return isThere ? [line] : [];
      } catch {
        return []; // ended meanwhile
      }
    });
}

const parentOf = (pid: number) => Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[3]);
const lockFile = () => join(dataDir, 'postgres/postmaster.pid');
const postmaster = () => Number(readFileSync(lockFile(), 'utf8').split('\n')[0]);
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('startEmbeddedPostgres', () => {
  it('keeps data and password over a clean stop, and lets nobody in without it', async () => {
    const first = await startEmbeddedPostgres({ dataDir, log: silentLog });
    await query(first.url, 'create table kept as select 42 as answer');
    await first.stop();
    const second = await startEmbeddedPostgres({ dataDir, log: silentLog });
    expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
    const stranger = new URL(second.url);
    stranger.password = 'guess';
    await expect(query(stranger.href, 'select 1')).rejects.toThrow(/password authentication failed/);
    expect(statSync(join(dataDir, 'postgres-password')).mode & 0o777).toBe(0o600);
    await second.stop();
    expect(existsSync(lockFile())).toBe(false);
  });

  // each moment: what is there by then, in a data directory without a cluster
  it.each([
    ['at once', () => true],
    ['while the cluster is made', () => existsSync(join(dataDir, 'postgres.new/PG_VERSION'))],
    ['while the server starts', () => existsSync(lockFile())],
  ])('ends with the process that started it, killed %s', async (_, come) => {
    const child = forkServer();
    await expect.poll(come, { timeout: 20_000, interval: 1 }).toBe(true);
    await killed(child);
    await expect.poll(() => processesOf(dataDir), { timeout: 5_000 }).toEqual([]);
    const again = await startEmbeddedPostgres({ dataDir, log: silentLog });
    expect(await query(again.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await again.stop();
  });

  it('ends with the process that started it, killed at work: what was committed is there', async () => {
    copyPrepared();
    const { child, url } = await startInChild();
    await query(url, 'create table kept as select 42 as answer');
    const busy = query(url, 'select pg_sleep(60)').catch(() => 'cut');
    await killed(child);
    await expect.poll(() => processesOf(dataDir), { timeout: 5_000 }).toEqual([]);
    expect(await busy).toBe('cut');

    const again = await startEmbeddedPostgres({ dataDir, log: silentLog });
    expect(await query(again.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
    await again.stop();
  });

  it('ends without its guard', async () => {
    copyPrepared();
    const { child } = await startInChild();
    const server = postmaster();
    process.kill(parentOf(server), 'SIGKILL');
    await expect.poll(() => isAlive(server), { timeout: 5_000 }).toBe(false);
    child.kill('SIGKILL');
  });

  it('ends a server that a former version left behind', async () => {
    copyPrepared();
    const orphan = await startUnguarded();
    await expect.poll(() => existsSync(lockFile()), { timeout: 10_000 }).toBe(true);
    const again = await startEmbeddedPostgres({ dataDir, log: silentLog });
    expect(isAlive(orphan)).toBe(false);
    expect(await query(again.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await again.stop();
  });

  it('survives kill -9 of process and server', async () => {
    copyPrepared();
    const { child, url } = await startInChild();
    await query(url, 'create table kept as select 42 as answer');
    process.kill(postmaster(), 'SIGKILL');
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    const again = await startEmbeddedPostgres({ dataDir, log: silentLog });
    expect(await query(again.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
    await again.stop();
  });

  it('leaves the server of a living process alone', async () => {
    copyPrepared();
    const { child, url } = await startInChild();
    const start = startEmbeddedPostgres({ dataDir, log: silentLog });
    await expect(start).rejects.toThrow(PostgresUnusable);
    await expect(start).rejects.toThrow(`in use by the process ${child.pid}`);
    expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('is not misled by a lock file whose process id another process has now', async () => {
    copyPrepared();
    writeFileSync(lockFile(), `${process.pid}\n`);
    const second = await startEmbeddedPostgres({ dataDir, log: silentLog });
    expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await second.stop();
  });

  it('begins anew when the first start was killed half-way', async () => {
    mkdirSync(join(dataDir, 'postgres.new'));
    writeFileSync(join(dataDir, 'postgres.new/PG_VERSION'), '18\n');
    const server = await startEmbeddedPostgres({ dataDir, log: silentLog });
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await server.stop();
  });

  it.each([
    ['of another major version', () => makeCluster('9.6'), /was made by PostgreSQL 9.6/],
    ['without its password', () => makeCluster('18'), /postgres-password is gone/],
    [
      'below a file',
      () => ((dataDir = join(dataDir, 'file')), writeFileSync(dataDir, '')),
      /\(EEXIST|\(ENOTDIR/,
    ],
  ])('refuses a data directory %s in one line', async (_, prepare, message) => {
    prepare();
    const failure: unknown = await startEmbeddedPostgres({ dataDir, log: silentLog }).catch((error) => error);
    expect(failure).toBeInstanceOf(PostgresUnusable);
    expect((failure as Error).message).toMatch(message);
    expect((failure as Error).message).not.toContain('\n');
  });

  // What a closed directory means depends on who starts the server.
  if (process.getuid?.() === 0) {
    it('runs as another user below a directory closed to others', async () => {
      chmodSync(dataDir, 0o700);
      dataDir = join(dataDir, 'closed', 'deep');
      mkdirSync(dataDir, { recursive: true, mode: 0o700 });
      const server = await startEmbeddedPostgres({ dataDir, log: silentLog });
      expect(statSync(`/proc/${postmaster()}`).uid).not.toBe(0);
      await server.stop();
    });
  } else {
    it('refuses a directory it may not write', async () => {
      chmodSync(dataDir, 0o500);
      await expect(startEmbeddedPostgres({ dataDir, log: silentLog })).rejects.toThrow(/EACCES/);
    });
  }

  it('does not wait for connected clients when it stops', async () => {
    copyPrepared();
    const server = await startEmbeddedPostgres({ dataDir, log: silentLog });
    const db = openDatabase({ url: server.url, maxConnections: 3, log: silentLog });
    await sql`select 1`.execute(db);
    const began = Date.now();
    await server.stop();
    expect(Date.now() - began).toBeLessThan(5000);
    await db.destroy();
  });
});

function makeCluster(version: string): void {
  mkdirSync(join(dataDir, 'postgres'));
  writeFileSync(join(dataDir, 'postgres/PG_VERSION'), `${version}\n`);
}
