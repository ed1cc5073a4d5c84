import { execFileSync, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { PostgresUnusable } from './errors.ts';

/** Whom the server runs as, when not as ourselves. */
export interface Account {
  uid: number;
  gid: number;
}

/**
 * PostgreSQL refuses to run as root. Then it runs as the owner of the data it has, or as the user
 * `postgres`, who is created when there is none. Null: as whoever we are.
 */
export function accountForPostgres(cluster: string): Account | null {
  if (process.getuid?.() !== 0) return null;
  if (existsSync(cluster)) {
    const { uid, gid } = statSync(cluster);
    if (uid !== 0) return { uid, gid };
  }
  return findUser('postgres') ?? createUser('postgres');
}

/**
 * Starts a PostgreSQL program as the account. `directories` are those it has to enter: a data
 * directory below /root is closed to other users, so there it gets the right to pass closed doors.
 */
export function spawnAs(
  account: Account | null,
  directories: readonly string[],
  [program, ...args]: readonly [string, ...string[]],
  options: SpawnOptions,
): ChildProcess {
  if (!account) return spawn(program, args, options);
  const closed = [program, ...directories].map(closedDirectory).find((directory) => directory !== null);
  if (!closed) return spawn(program, args, { ...options, ...account });
  if (!existsSync('/usr/bin/setpriv')) {
    throw new PostgresUnusable(
      `PostgreSQL does not run as root and no other user may enter ${closed}: use a directory outside of it, or start as an ordinary user`,
    );
  }
  const identity = [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'];
  const passage = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override'];
  return spawn('/usr/bin/setpriv', [...identity, ...passage, program, ...args], options);
}

/** The nearest directory on the way to the path that strangers cannot enter, or null. */
function closedDirectory(path: string): string | null {
  for (let at = dirname(path); ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return at;
    if (at === dirname(at)) return null;
  }
}

function findUser(name: string): Account | null {
  try {
    return { uid: idOf('-u', name), gid: idOf('-g', name) };
  } catch {
    return null;
  }
}

function idOf(option: '-u' | '-g', name: string): number {
  return Number(
    execFileSync('id', [option, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  );
}

function createUser(name: string): Account {
  try {
    execFileSync('useradd', ['--system', '--user-group', '--shell', '/usr/sbin/nologin', name], {
      stdio: 'ignore',
    });
    return { uid: idOf('-u', name), gid: idOf('-g', name) };
  } catch (cause) {
    throw new PostgresUnusable(
      `PostgreSQL does not run as root and the user "${name}" could not be created: start as an ordinary user`,
      { cause },
    );
  }
}
