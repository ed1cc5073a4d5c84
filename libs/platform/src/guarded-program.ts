import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';

/** Whom a program runs as, when not as ourselves. */
export interface Account {
  uid: number;
  gid: number;
}

export interface GuardedOptions {
  /** How it is ended, gentlest first, with the seconds each signal is given. Ends with KILL. */
  endsBy: readonly (readonly [signal: 'TERM' | 'INT' | 'QUIT' | 'KILL', seconds: number])[];
  env?: NodeJS.ProcessEnv;
  account?: Account | null;
  /**
   * Its working directory. It is opened by us and entered by the account (Linux): the way to it may be closed
   * to the account.
   */
  directory?: string;
}

/** Opens a directory to be entered alone, which asks for no right to read it. */
const O_PATH = 0o10000000;

/** Patience with each signal where nobody waits for the program any more, tenths of a second. */
const orphanTenths = 20;

/**
 * Reads a line, or the end of its input: that comes when our process ends, in whatever way. The program itself
 * must not have the pipe, nor the guard the program's output. `$program` stays its own until it is waited for, so
 * no signal meets a stranger with its process id.
 */
const script = `
ends_by=$1; shift
if [ "$1" = enter ]; then cd /proc/self/fd/4 || exit 126; exec 4<&-; fi; shift
exec 5<&0 </dev/null
"$@" 3>&- 5<&- &
program=$!
(
  exec 3>&- >/dev/null 2>&1
  most=86400
  read -r order <&5 || most=${orphanTenths}
  for step in $ends_by; do
    kill -s "\${step%:*}" $program || exit 0
    waited=0
    while [ $waited -lt "\${step#*:}" ] && [ $waited -lt $most ]; do
      sleep 0.1 || sleep 1
      kill -0 $program || exit 0
      waited=$((waited + 1))
    done
  done
) &
watcher=$!
echo $program >&3
exec 3>&- 5<&- >/dev/null 2>&1
wait $program
code=$?
kill $watcher
exit $code
`;

/** A program that does not outlive this process. */
export interface GuardedProgram {
  /** The guard: its output is the program's, and so is its exit code. */
  readonly process: ChildProcess;
  /** Process id of the program itself. Rejects when it could not be started. */
  readonly pid: Promise<number>;
  /** Ends it as `endsBy` says; resolves when it is gone. */
  end(): Promise<void>;
}

/**
 * Starts a program under a guard, a small shell that ends it when this process ends: by itself, by Ctrl-C or by
 * kill -9. Both are in a session of their own, so a terminal's Ctrl-C does not reach them.
 */
export function spawnGuarded(
  [program, ...args]: readonly [string, ...string[]],
  { endsBy, env = process.env, account = null, directory }: GuardedOptions,
): GuardedProgram {
  const entered = directory !== undefined && process.platform === 'linux';
  const steps = endsBy.map(([signal, seconds]) => `${signal}:${seconds * 10}`).join(' ');
  const handle = entered ? openSync(directory, constants.O_DIRECTORY | O_PATH) : null;
  const guard = spawn(
    '/bin/sh',
    ['-c', script, 'guard', steps, entered ? 'enter' : 'stay', program, ...args],
    {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe', handle ?? 'ignore'],
      cwd: entered || directory === undefined ? '/' : directory,
      detached: true,
      env,
      ...account,
    },
  );
  if (handle !== null) closeSync(handle);
  const lifeline = guard.stdin!;
  lifeline.on('error', () => {}); // the guard is gone, and so is the program
  const ended = new Promise<void>((resolve) => {
    guard.once('exit', () => resolve());
    guard.once('error', () => resolve());
  });
  // without its guard the program is ended too
  void ended.then(() => lifeline.destroy());
  return {
    process: guard,
    pid: announcedPid(guard),
    async end() {
      lifeline.end('end\n');
      await ended;
    },
  };
}

function announcedPid(guard: ChildProcess): Promise<number> {
  const announced = new Promise<number>((resolve, reject) => {
    let text = '';
    const pipe = guard.stdio[3] as NodeJS.ReadableStream;
    pipe.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('\n')) resolve(Number(text));
    });
    pipe.on('error', () => {});
    guard.once('error', reject);
    guard.once('exit', (code) => reject(new Error(`the guard ended with ${code}`)));
  });
  announced.catch(() => {}); // who needs the id asks for it
  return announced;
}
