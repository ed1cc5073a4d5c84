import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PostgresUnusable } from './errors.ts';

const fastShutdownMs = 10_000;
const immediateShutdownMs = 5_000;

/**
 * Ends the server that an earlier process left running on this cluster when it was killed, and clears
 * its lock file. Throws `PostgresUnusable` while the process that started it (`owner`) still lives.
 */
export async function stopFormerPostmaster(cluster: string, owner: number | null): Promise<void> {
  const lockFile = join(cluster, 'postmaster.pid');
  if (!existsSync(lockFile)) return;
  const pid = Number(readFileSync(lockFile, 'utf8').split('\n')[0]);
  if (isPostmasterOf(cluster, pid)) {
    // An orphan gets another parent, so a parent that still is the owner lives. A guard may be between the two.
    const parent = parentOf(pid);
    if (owner !== null && (parent === owner || parentOf(parent) === owner)) {
      throw new PostgresUnusable(
        `the data directory is in use by the process ${owner}: stop it, or choose another data directory`,
      );
    }
    await stopPostmaster(pid);
  }
  rmSync(lockFile, { force: true });
}

/** Asks for a fast shutdown, then for an immediate one (recovered from at the next start). */
export async function stopPostmaster(pid: number): Promise<void> {
  if (await endsAfter(pid, 'SIGINT', fastShutdownMs)) return;
  if (await endsAfter(pid, 'SIGQUIT', immediateShutdownMs)) return;
  throw new PostgresUnusable(
    `the PostgreSQL server with the process id ${pid} does not end: stop it by hand`,
  );
}

async function endsAfter(pid: number, signal: NodeJS.Signals, patienceMs: number): Promise<boolean> {
  if (!send(pid, signal)) return true;
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await sleep(10)) {
    if (!send(pid, 0)) return true;
  }
  return false;
}

/** False when there is no such process. */
function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw new PostgresUnusable(
      `a PostgreSQL server of another user (process ${pid}) runs on the data directory: stop it by hand`,
      { cause: error },
    );
  }
}

/** Process ids are used again, so a lock file alone proves nothing. */
function isPostmasterOf(cluster: string, pid: number): boolean {
  return Number.isInteger(pid) && pid > 0 && describe(pid, 'cmdline', 'command=').includes(cluster);
}

function parentOf(pid: number): number {
  if (process.platform !== 'linux') return Number(describe(pid, 'stat', 'ppid='));
  // "pid (name) state ppid …": the name may hold anything.
  const stat = describe(pid, 'stat', 'ppid=');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** From /proc where there is one (a bare Debian has no ps), else from ps. Empty: no such process. */
function describe(pid: number, file: 'cmdline' | 'stat', column: string): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/${file}`, 'utf8');
    return execFileSync('ps', ['-o', column, '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}
