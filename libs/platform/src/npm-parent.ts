import { readFileSync } from 'node:fs';

const everyMs = 1_000;
/** The scripts of package.json that run a command until it is stopped. */
const scripts = ['start', 'cluster', 'demo'];

/**
 * Calls `then` when the npm that runs this command as `npm start` is gone. npm passes signals on, but not kill -9,
 * which leaves its shell and us behind; with us would stay a database that nobody stops.
 */
export function whenNpmIsGone(then: () => void): void {
  const { npm_lifecycle_event: script = '', npm_package_name: name } = process.env;
  if (name !== 'muster' || !scripts.includes(script)) return;
  const shell = process.ppid;
  // npm itself, where its shell has made room for us
  const npm = isShell(shell) ? parentOf(shell) : null;
  const timer = setInterval(() => {
    if (process.ppid === shell && (npm === null || parentOf(shell) === npm)) return;
    clearInterval(timer);
    then();
  }, everyMs);
  timer.unref();
}

function isShell(pid: number): boolean {
  return read(`/proc/${pid}/cmdline`).split('\0')[1] === '-c';
}

/** Null where there is no /proc. */
function parentOf(pid: number): number | null {
  const stat = read(`/proc/${pid}/stat`);
  // "pid (name) state ppid …": the name may hold anything
  return stat === '' ? null : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
