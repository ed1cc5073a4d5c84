import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A process that a test started, with all that it wrote. In a process group of its own, as a shell's job. */
export class Child {
  readonly exited: Promise<Exit>;
  readonly pid: number;
  #output = '';
  #errors = '';
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, pid: number) {
    this.#process = process;
    this.pid = pid;
    this.exited = once(process, 'close').then(([code, signal]) => ({ code, signal }) as Exit);
    for (const stream of [process.stdout, process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
        if (stream === process.stderr) this.#errors += text;
      });
    }
    endWithUs(this);
  }

  static async start(
    command: string,
    args: readonly string[],
    { takesOrders = false, ...options }: { cwd: string; env: NodeJS.ProcessEnv; takesOrders?: boolean },
  ): Promise<Child> {
    const stdin = takesOrders ? 'pipe' : 'ignore';
    const process = spawn(command, args, { ...options, detached: true, stdio: [stdin, 'pipe', 'pipe'] });
    await once(process, 'spawn');
    return new Child(process, process.pid as number);
  }

  /** Standard output and error, as they came. */
  get output(): string {
    return this.#output;
  }

  /** The lines of standard error alone. Nothing that goes as it should writes any. */
  get errors(): string[] {
    return this.#errors.split('\n').filter((line) => line !== '');
  }

  /** Its state, for people. */
  get state(): string {
    const { exitCode, signalCode } = this.#process;
    return this.running ? 'running' : `ended with ${exitCode ?? signalCode}`;
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Writes a line to its standard input, if it was started with one. */
  order(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  /** A signal to this process alone. */
  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** What a terminal does on Ctrl-C: SIGINT to the whole process group. */
  interrupt(): void {
    process.kill(-this.pid, 'SIGINT');
  }

  /** kill -9 for this process and all that descend from it, as good as at once. Nothing when it has ended. */
  async killTree(): Promise<Exit> {
    if (this.running) killAll([this.pid, ...descendants(this.pid)]);
    return this.exited;
  }
}

/** A guard that kills what a test run started when the run itself is killed: only its end closes the pipe. */
function endWithUs(child: Child): void {
  const guard = spawn('/bin/sh', ['-c', 'read -r _; kill -9 -- "-$1"', 'guard', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.unref();
  guard.stdin?.on('error', () => {}); // it has ended
  void child.exited.then(() => guard.kill('SIGKILL'));
}

/** Processes that a killed parent left behind, told apart from later ones that get the same ids. */
export class Orphans {
  readonly #commandLines = new Map<number, string>();

  add(pids: readonly number[]): void {
    for (const pid of pids) this.#commandLines.set(pid, commandLine(pid));
  }

  /** kill -9 for those that still run. */
  kill(): void {
    killAll([...this.#commandLines].filter(([pid, line]) => commandLine(pid) === line).map(([pid]) => pid));
  }
}

export function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** Ids of all processes below `pid`, parents first. */
export function descendants(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const child of processIds()) {
    const parent = parentOf(child);
    if (parent !== null) children.set(parent, [...(children.get(parent) ?? []), child]);
  }
  const below = (parent: number): number[] =>
    (children.get(parent) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(pid);
}

/** Ids of all processes whose working directory is this one. */
export function processesIn(directory: string): number[] {
  return processIds().filter((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === directory;
    } catch {
      return false; // ended meanwhile
    }
  });
}

/** The command line of a process, its arguments joined by spaces; empty when it is gone. */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

function processIds(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]); // the name before may hold anything
  } catch {
    return null; // ended meanwhile
  }
}

/** One variable of the environment that a process was started with. */
export function environmentOf(pid: number, name: string): string | undefined {
  const entry = readFileSync(`/proc/${pid}/environ`, 'utf8')
    .split('\0')
    .find((text) => text.startsWith(`${name}=`));
  return entry?.slice(name.length + 1);
}
