import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Account } from '@muster/platform/guarded-program';
import { PostgresUnusable } from './errors.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';

/** Where a copy may be kept, the best first: places of root's that every user may enter. */
const places = () => ['/var/lib', '/var/cache', '/opt', '/run', tmpdir(), '/tmp', '/var/tmp', '/dev/shm'];

/**
 * The binaries where the account can run them: those given, when it can; else a copy of them, about 60 MB, in a
 * place that all may enter and only root can write. A checkout below /root is closed to the account. The copy is
 * kept for later starts.
 *
 * @throws PostgresUnusable naming every place that was tried.
 */
export function reachableBinaries(binaries: PostgresBinaries, account: Account): PostgresBinaries {
  const refusal = whyNotRun(binaries, account);
  if (refusal === null) return binaries;
  // what root may not do at all, it may do nowhere
  if (refusal === 'EPERM') {
    throw new PostgresUnusable(
      'PostgreSQL does not run as root and this root may not change to another user: give it the capabilities SETUID and SETGID, or start as an ordinary user',
    );
  }
  const name = `muster-postgres-${fingerprint(binaries)}`;
  const tried: string[] = [];
  for (const place of new Set(places())) {
    const copy = join(place, name);
    const problem = whyNotEnter(place, account) ?? provideCopy(binaries, place, copy);
    const unusable = problem ?? whyNotRun(at(copy, binaries), account);
    if (unusable === null) return at(copy, binaries);
    if (problem === null) rmSync(copy, { recursive: true, force: true });
    tried.push(`${place} (${unusable})`);
  }
  throw new PostgresUnusable(
    `PostgreSQL does not run as root, other users may not enter ${binaries.root}, and no place for a copy serves: ${tried.join(', ')}; move Muster to where all may enter (/opt, say), or start as an ordinary user`,
  );
}

/** Null: the account can run the server and read what belongs to it. */
function whyNotRun({ postgres, initdb, root }: PostgresBinaries, account: Account): string | null {
  // the server's own words, then a look at what it reads: a tidy user's umask closes files as well as directories
  const script =
    '"$1" --version >/dev/null && "$2" --version >/dev/null && test -r "$3"/share/postgresql/postgres.bki';
  return whyNot(account, script, postgres, initdb, root);
}

function whyNotEnter(place: string, account: Account): string | null {
  return existsSync(place) ? whyNot(account, 'cd "$1"', place) : 'not there';
}

/** Runs a script as the account; null when it worked, else the last words about it. */
function whyNot(account: Account, script: string, ...args: string[]): string | null {
  const { status, error, stderr } = spawnSync('/bin/sh', ['-c', script, 'sh', ...args], {
    ...account,
    cwd: '/',
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    encoding: 'utf8',
  });
  if (error) return (error as NodeJS.ErrnoException).code ?? error.message;
  if (status === 0) return null;
  return stderr.trim().split('\n').at(-1)?.split(': ').at(-1) || 'closed to other users';
}

function at(root: string, { majorVersion }: PostgresBinaries): PostgresBinaries {
  return { root, initdb: join(root, 'bin/initdb'), postgres: join(root, 'bin/postgres'), majorVersion };
}

/** Names the copy by what it is a copy of. */
function fingerprint({ root, postgres }: PostgresBinaries): string {
  const hash = createHash('sha256').update(readFileSync(postgres));
  for (const path of filesBelow(root)) hash.update(`${path} ${lstatSync(join(root, path)).size}\n`);
  return hash.digest('hex').slice(0, 16);
}

/** Sees that the copy is there, whole and root's alone. Answers why that cannot be. */
function provideCopy({ root }: PostgresBinaries, place: string, copy: string): string | null {
  try {
    if (!isSafePlace(place)) return 'others may write there';
    const found = lstatSync(copy, { throwIfNoEntry: false });
    if (found && !isRootsAlone(copy)) return `${basename(copy)} there is not root's alone`;
    if (found && isWhole(root, copy)) return null;
    if (found) rmSync(copy, { recursive: true });
    const making = mkdtempSync(`${copy}.`);
    try {
      copyTree(root, making);
      renameSync(making, copy);
    } catch (error) {
      rmSync(making, { recursive: true, force: true });
      // another start was faster
      if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** In a directory that others may write, sticky as it may be, only what is made with care is ours. */
function isSafePlace(place: string): boolean {
  const { mode, uid } = statSync(place);
  const sticky = (mode & 0o1000) !== 0;
  return uid === 0 && ((mode & 0o022) === 0 || sticky);
}

/** Nobody but root can change what is in it. */
function isRootsAlone(path: string): boolean {
  const found = lstatSync(path);
  return found.isDirectory() && found.uid === 0 && (found.mode & 0o022) === 0;
}

/** Every file is there with its size: /tmp is tidied. */
function isWhole(root: string, copy: string): boolean {
  return filesBelow(root).every((path) => {
    const [from, to] = [join(root, path), join(copy, path)];
    return (
      existsSync(to) && (lstatSync(from).isSymbolicLink() || lstatSync(from).size === lstatSync(to).size)
    );
  });
}

function copyTree(from: string, to: string): void {
  chmodSync(to, 0o755);
  for (const path of filesBelow(from)) {
    const [source, target] = [join(from, path), join(to, path)];
    makeOpenDirectory(dirname(target));
    if (lstatSync(source).isSymbolicLink()) {
      symlinkSync(readlinkSync(source), target);
      continue;
    }
    copyFileSync(source, target, constants.COPYFILE_FICLONE);
    chmodSync(target, path.startsWith('bin/') || path.includes('.so') ? 0o755 : 0o644);
  }
}

/** Whatever the umask. */
function makeOpenDirectory(path: string): void {
  if (existsSync(path)) return;
  makeOpenDirectory(dirname(path));
  mkdirSync(path);
  chmodSync(path, 0o755);
}

/** Paths of the files that a server needs, without what only compilers read. */
function filesBelow(root: string): string[] {
  return ['bin', 'lib', 'share']
    .flatMap((part) => readdirSync(join(root, part), { recursive: true, withFileTypes: true }))
    .filter((entry) => !entry.isDirectory() && !entry.name.endsWith('.a'))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}
