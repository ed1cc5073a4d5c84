import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import type { Account } from '@muster/platform/guarded-program';
import { PostgresUnusable } from './errors.ts';

/** Whom the server runs as where we are root and the machine has no user `postgres`. */
const unnamed: Account = { uid: 54_320, gid: 54_320 };

/**
 * PostgreSQL refuses to run as root. Then it runs as the owner of the data it has, as the user `postgres`, or as
 * a user without a name. Null: as whoever we are.
 */
export function accountForPostgres(cluster: string): Account | null {
  if (process.getuid?.() !== 0) return null;
  if (existsSync(cluster)) {
    const { uid, gid } = statSync(cluster);
    if (uid !== 0) return { uid, gid };
  }
  return findUser('postgres') ?? unnamed;
}

/**
 * Who makes the cluster of an account: initdb wants a user with a name, the server does not.
 *
 * @throws PostgresUnusable when there is no such user.
 */
export function accountForInitdb(account: Account | null): Account | null {
  const uid = account?.uid ?? process.getuid?.();
  if (uid === undefined || isNamed(uid)) return account;
  if (account === null) {
    throw new PostgresUnusable(
      `this user (uid ${uid}) has no name, which PostgreSQL wants: add it to /etc/passwd (useradd -u ${uid} muster), or start as a user that has one`,
    );
  }
  const named = findUser('nobody') ?? findUser('daemon');
  if (named !== null) return named;
  throw new PostgresUnusable(
    'PostgreSQL does not run as root and this machine has no other user: add one (useradd --system postgres), or start as an ordinary user',
  );
}

function findUser(name: string): Account | null {
  try {
    return { uid: idOf('-u', name), gid: idOf('-g', name) };
  } catch {
    return null;
  }
}

function isNamed(uid: number): boolean {
  try {
    execFileSync('id', ['-nu', String(uid)], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function idOf(option: '-u' | '-g', name: string): number {
  return Number(
    execFileSync('id', [option, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  );
}
