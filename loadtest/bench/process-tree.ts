import { readdirSync, readFileSync } from 'node:fs';

/** The clock of /proc: ticks in a second. */
const ticksPerSecond = 100;
/** Fields of /proc/<pid>/stat, counted after the name. */
const field = { parent: 1, user: 11, system: 12, childrenUser: 13, childrenSystem: 14 };

/** What processes have used so far. */
export interface Usage {
  cpuSeconds: number;
  /** Proportional set size: memory that processes share counts once. */
  memoryKiB: number;
  processes: number;
}

/** Adds up processes and all that descend from them; children that have ended count by their CPU. Linux only. */
export function usageOf(roots: readonly number[]): Usage {
  const stats = readStats();
  const usage: Usage = { cpuSeconds: 0, memoryKiB: 0, processes: 0 };
  for (const pid of withDescendants(roots, stats)) {
    const stat = stats.get(pid);
    if (stat === undefined) continue;
    const ticks = [field.user, field.system, field.childrenUser, field.childrenSystem];
    usage.cpuSeconds += ticks.reduce((sum, at) => sum + Number(stat[at]), 0) / ticksPerSecond;
    usage.memoryKiB += memoryOf(pid);
    usage.processes += 1;
  }
  return usage;
}

/** Ids of the processes below `roots` whose command line holds `text`. */
export function findBelow(roots: readonly number[], text: string): number[] {
  return [...withDescendants(roots, readStats())].filter((pid) => commandLine(pid).includes(text));
}

export function commandLine(pid: number): string {
  return read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
}

/** Established connections to these ports of 127.0.0.1. Agents come from other loopback addresses too, by any port. */
export function connectionsTo(ports: readonly number[]): number {
  const loopback = '0100007F';
  const wanted = new Set(
    ports.map((port) => `${loopback}:${port.toString(16).toUpperCase().padStart(4, '0')}`),
  );
  const established = '01';
  const pairs = new Set<string>();
  for (const line of read('/proc/net/tcp').split('\n')) {
    const [, local, remote, state] = line.trim().split(/\s+/);
    // a connection can be listed twice when others come and go meanwhile
    if (state === established && wanted.has(local ?? '')) pairs.add(`${local} ${remote}`);
  }
  return pairs.size;
}

function readStats(): Map<number, string[]> {
  const stats = new Map<number, string[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`);
    // the name before may hold anything
    if (stat) stats.set(Number(name), stat.slice(stat.lastIndexOf(')') + 2).split(' '));
  }
  return stats;
}

function withDescendants(roots: readonly number[], stats: Map<number, string[]>): Set<number> {
  const found = new Set(roots);
  for (let size = -1; size !== found.size;) {
    size = found.size;
    for (const [pid, stat] of stats) if (found.has(Number(stat[field.parent]))) found.add(pid);
  }
  return found;
}

function memoryOf(pid: number): number {
  return Number(/^Pss: +(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
}

/** Empty when the process is gone. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
