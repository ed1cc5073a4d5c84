import { randomBytes } from 'node:crypto';
import {
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { spawnGuarded, type Account, type GuardedProgram } from '@muster/platform/guarded-program';
import { freePort } from '@muster/platform/local-server';
import type { Log } from '@muster/platform/log';
import { PostgresUnusable } from './errors.ts';
import { stopFormerPostmaster } from './former-postmaster.ts';
import { accountForInitdb, accountForPostgres } from './postgres-account.ts';
import { findPostgresBinaries, type PostgresBinaries } from './postgres-binaries.ts';
import { reachableBinaries } from './reachable-binaries.ts';

export interface EmbeddedPostgresOptions {
  /** Made when missing. Holds the cluster, its password and who runs it. */
  dataDir: string;
  log: Log;
  /** Server settings beyond the usual ones. */
  settings?: Readonly<Record<string, string>>;
}

export interface EmbeddedPostgres {
  /** postgresql://…, with the password. */
  url: string;
  /** Ends the server; open connections are cut, what is committed is kept. */
  stop(): Promise<void>;
}

/** What one start works with. */
interface Site {
  binaries: PostgresBinaries;
  account: Account | null;
  cluster: string;
  passwordFile: string;
  ownerFile: string;
  settings: Readonly<Record<string, string>>;
  log: Log;
}

const user = 'muster';
const portAttempts = 3;

/** A fast shutdown; one that the next start recovers from; the end. */
const serverEndsBy = [
  ['INT', 10],
  ['QUIT', 5],
  ['KILL', 1],
] as const;

/**
 * Runs a PostgreSQL server of our own on the data directory, on loopback and a free port. The first
 * start makes the cluster. A server that a killed process left behind is ended first. Throws
 * `PostgresUnusable` for what a person has to put right.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const site = lookAround(options);
  await stopFormerPostmaster(site.cluster, readOwner(site));
  const password = readOrMakePassword(site);
  if (!existsSync(site.cluster)) await initialise(site, password);
  writeFileSync(site.ownerFile, `${process.pid}\n`);
  const { server, port } = await launchOnFreePort(site);
  let stopping = false;
  server.process.once('exit', (code) => {
    if (!stopping) site.log.error({ code }, 'PostgreSQL ended');
  });
  return {
    url: `postgresql://${user}:${password}@127.0.0.1:${port}/postgres`,
    async stop() {
      stopping = true;
      await server.end();
      rmSync(site.ownerFile, { force: true });
    },
  };
}

function lookAround({ dataDir, log, settings = {} }: EmbeddedPostgresOptions): Site {
  const found = findPostgresBinaries();
  const directory = resolve(dataDir);
  const cluster = join(directory, 'postgres');
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    // Left by a start that was killed while it made the cluster.
    rmSync(newCluster(cluster), { recursive: true, force: true });
    const ownerFile = join(directory, 'postgres-owner');
    writeFileSync(ownerFile, '', { flag: 'a' });
    const passwordFile = join(directory, 'postgres-password');
    if (existsSync(cluster)) checkVersion(cluster, found);
    const account = accountForPostgres(cluster);
    if (account !== null) chownToUs(passwordFile);
    return {
      binaries: account === null ? found : reachableBinaries(found, account),
      account,
      cluster,
      passwordFile,
      ownerFile,
      settings,
      log,
    };
  } catch (cause) {
    throw explain(cause, directory);
  }
}

function checkVersion(cluster: string, { majorVersion }: PostgresBinaries): void {
  const found = readFileSync(join(cluster, 'PG_VERSION'), 'utf8').trim();
  if (found === majorVersion) return;
  throw new PostgresUnusable(
    `${cluster} was made by PostgreSQL ${found}, this is ${majorVersion}: dump it with the Muster that made it, or choose another data directory`,
  );
}

/** What the file system refused, as a line for people. */
function explain(error: unknown, directory: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (error instanceof PostgresUnusable || typeof code !== 'string' || !/^E[A-Z]+$/.test(code)) return error;
  const wayOut =
    process.getuid?.() === 0 && (code === 'EPERM' || code === 'EACCES')
      ? 'give root the capabilities CHOWN and DAC_OVERRIDE, with which it keeps data for the user whom PostgreSQL runs as, or start as an ordinary user'
      : 'choose one that this user may write';
  return new PostgresUnusable(`the data directory ${directory} cannot be used (${code}): ${wayOut}`, {
    cause: error,
  });
}

function readOwner(site: Site): number | null {
  const text = readFileSync(site.ownerFile, 'utf8').trim();
  return text ? Number(text) : null;
}

function readOrMakePassword(site: Site): string {
  if (existsSync(site.passwordFile)) return readFileSync(site.passwordFile, 'utf8').trim();
  if (existsSync(site.cluster)) {
    throw new PostgresUnusable(`${site.passwordFile} is gone: put it back, or choose another data directory`);
  }
  const password = randomBytes(24).toString('base64url');
  writeFileSync(site.passwordFile, `${password}\n`, { mode: 0o600 });
  return password;
}

/** Former versions gave the password to the server's account. */
function chownToUs(path: string): void {
  if (existsSync(path) && statSync(path).uid !== process.getuid?.()) chownSync(path, 0, 0);
}

function chownAll(path: string, { uid, gid }: Account): void {
  for (const entry of readdirSync(path, { recursive: true, encoding: 'utf8' })) {
    lchownSync(join(path, entry), uid, gid);
  }
  chownSync(path, uid, gid);
}

const newCluster = (cluster: string) => `${cluster}.new`;

/** Makes the cluster beside its place and moves it there when complete: it is there whole or not at all. */
async function initialise(site: Site, password: string): Promise<void> {
  const directory = newCluster(site.cluster);
  const maker = accountForInitdb(site.account);
  try {
    mkdirSync(directory, { mode: 0o700 });
    if (maker) chownSync(directory, maker.uid, maker.gid);
  } catch (cause) {
    throw explain(cause, directory);
  }
  const initdb = run(
    { ...site, account: maker },
    directory,
    [
      '/bin/sh',
      '-c',
      passwordByInput,
      site.binaries.initdb,
      `--pgdata=${pathFor(maker, directory)}`,
      `--username=${user}`,
      '--pwfile=/dev/stdin',
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
    ],
    { MUSTER_PASSWORD: password },
  );
  const lines = collectLines(initdb, site.log);
  const code = await new Promise((resolve, reject) => {
    initdb.process
      .once('close', resolve)
      .once('error', (error) => reject(cannotRun(site.binaries.initdb, error)));
  });
  if (code !== 0) throw new PostgresUnusable(`PostgreSQL could not make its data directory: ${lines.at(-1)}`);
  if (maker && site.account && maker.uid !== site.account.uid) chownAll(directory, site.account);
  renameSync(directory, site.cluster);
}

/** The password comes through a pipe that initdb's own user made, so no file of it need be theirs. */
const passwordByInput = `
password=$MUSTER_PASSWORD; unset MUSTER_PASSWORD
exec "$0" "$@" <<END
$password
END
`;

async function launchOnFreePort(site: Site): Promise<{ server: GuardedProgram; port: number }> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const outcome = await launch(site, port);
    if ('server' in outcome) return { server: outcome.server, port };
    // Somebody else took the port meanwhile.
    const taken = outcome.lines.some((line) => line.includes('could not bind'));
    if (!taken || attempt === portAttempts) {
      const fatal = outcome.lines.findLast((line) => /FATAL|PANIC|error/i.test(line)) ?? outcome.lines.at(-1);
      throw new PostgresUnusable(`PostgreSQL did not start: ${fatal?.replace(/^.*?(FATAL|PANIC): +/, '')}`);
    }
  }
}

async function launch(site: Site, port: number): Promise<{ server: GuardedProgram } | { lines: string[] }> {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    log_min_messages: 'warning',
    jit: 'off',
    // by which a server is known again, whatever its -D says
    'muster.cluster': site.cluster,
    ...site.settings,
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const directory = pathFor(site.account, site.cluster);
  const server = run(site, site.cluster, [site.binaries.postgres, '-D', directory, ...flags]);
  return new Promise((resolve, reject) => {
    const lines = collectLines(server, site.log, (line) => {
      if (line.includes('ready to accept connections')) resolve({ server });
    });
    server.process
      .once('error', (error) => reject(cannotRun(site.binaries.postgres, error)))
      .once('close', () => resolve({ lines }));
  });
}

function cannotRun(program: string, cause: Error): PostgresUnusable {
  return new PostgresUnusable(`${program} cannot be run (${cause.message}): run npm ci again`, { cause });
}

/**
 * How the account names a directory that it works in. The way there may be closed to it (/root is), so it is put
 * into the directory and calls it by what it is to itself.
 */
function pathFor(account: Account | null, directory: string): string {
  return account !== null && process.platform === 'linux' ? '/proc/self/cwd' : directory;
}

/** Ctrl-C is for us, who stop the server when nobody needs it any more. */
function run(
  site: Site,
  directory: string,
  command: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv = {},
): GuardedProgram {
  return spawnGuarded(command, {
    endsBy: serverEndsBy,
    account: site.account,
    directory,
    // Nothing of our environment: it may hold secrets.
    env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC', ...env },
  });
}

/** What the program says, line by line; the last 100 lines are kept. */
function collectLines(
  { process: program }: GuardedProgram,
  log: Log,
  onLine?: (line: string) => void,
): string[] {
  const kept: string[] = [];
  for (const stream of [program.stdout!, program.stderr!]) {
    createInterface({ input: stream }).on('line', (line) => {
      log.debug({ postgres: line }, 'PostgreSQL says');
      kept.push(line);
      if (kept.length > 100) kept.shift();
      onLine?.(line);
    });
  }
  return kept;
}
