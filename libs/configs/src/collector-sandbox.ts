import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a collector said of configurations, or why it was not asked to the end. */
export type Verdict =
  | { kind: 'said'; accepted: boolean; text: string }
  | { kind: 'overTime' }
  /** Nothing was run. */
  | { kind: 'noSandbox'; reason: string };

export interface Validation {
  binary: string;
  /** Texts in the order they are merged. */
  configs: readonly string[];
  /** All the environment there is. */
  env: Readonly<Record<string, string>>;
  timeoutMs: number;
  /** The program that makes namespaces; null: run it without. */
  unshare: string | null;
}

const maxOutput = 64 * 1024;
const limits = ['--core=0', '--nofile=1024', '--fsize=16777216', '--data=1073741824', '--as=8589934592'];
const goMemory = '512MiB';
const isMade = 'sandbox-is-made';

/**
 * In namespaces of its own: no network, no processes but its own, and of the file system only programs and
 * libraries, read-only, and its directory. The mounts end with the process.
 */
const inSandbox = `set -e
binary=$1; cpu=$2; shift 2
for part in bin lib lib64 usr; do
  if [ -d "/$part" ]; then
    mkdir -p "root/$part"
    mount --rbind "/$part" "root/$part"
    mount -o remount,bind,ro "root/$part"
  fi
done
: > root/otelcol
mount --bind "$binary" root/otelcol
echo ${isMade}
exec prlimit ${limits.join(' ')} --cpu="$cpu" chroot root /otelcol validate "$@"
`;

/** Runs `validate` of a collector in a fresh directory, which is gone afterwards, as all its processes are. */
export async function runValidate(validation: Validation): Promise<Verdict> {
  const directory = await mkdtemp(join(tmpdir(), 'muster-validate-'));
  try {
    const root = join(directory, 'root');
    await mkdir(root);
    const names = validation.configs.map((_, index) => `config-${index}.yaml`);
    await Promise.all(names.map((name, index) => writeFile(join(root, name), validation.configs[index]!)));
    return await (validation.unshare !== null
      ? runSandboxed(validation, validation.unshare, directory, names)
      : runOpenly(validation, root, names));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function runSandboxed(
  validation: Validation,
  unshare: string,
  directory: string,
  names: string[],
): Promise<Verdict> {
  const { binary, timeoutMs } = validation;
  const cpuSeconds = String(Math.max(1, Math.ceil(timeoutMs / 1000)));
  const namespaces = [
    '--map-root-user',
    '--mount',
    '--net',
    '--ipc',
    '--pid',
    '--fork',
    '--kill-child=SIGKILL',
  ];
  const configs = names.map((name) => `--config=/${name}`);
  const child = start(unshare, [...namespaces, 'sh', '-c', inSandbox, 'sh', binary, cpuSeconds, ...configs], {
    cwd: directory,
    env: { ...validation.env, PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  });
  const { code, out, err, isOverTime } = await outcomeOf(child, timeoutMs);
  if (!out.startsWith(isMade)) {
    return {
      kind: 'noSandbox',
      reason: (isOverTime ? 'it took too long' : err.trim()) || `exit code ${code}`,
    };
  }
  if (isOverTime) return { kind: 'overTime' };
  return { kind: 'said', accepted: code === 0, text: err + out.slice(isMade.length) };
}

async function runOpenly(validation: Validation, root: string, names: string[]): Promise<Verdict> {
  const configs = names.map((name) => `--config=${name}`);
  const child = start(validation.binary, ['validate', ...configs], { cwd: root, env: validation.env });
  const { code, out, err, isOverTime } = await outcomeOf(child, validation.timeoutMs);
  return isOverTime ? { kind: 'overTime' } : { kind: 'said', accepted: code === 0, text: err + out };
}

function start(
  program: string,
  args: string[],
  { cwd, env }: { cwd: string; env: Readonly<Record<string, string>> },
): ChildProcess {
  return spawn(program, args, {
    cwd,
    env: { ...env, GOMEMLIMIT: goMemory, GOMAXPROCS: '2' },
    // A group of its own, to be ended as a whole.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

interface Outcome {
  /** Null: a signal ended it, or it could not be started. */
  code: number | null;
  out: string;
  err: string;
  isOverTime: boolean;
}

function outcomeOf(child: ChildProcess, timeoutMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const outcome: Outcome = { code: null, out: '', err: '', isOverTime: false };
    const follow = (stream: ChildProcess['stdout'], key: 'out' | 'err') =>
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        outcome[key] = (outcome[key] + chunk).slice(0, maxOutput);
      });
    follow(child.stdout, 'out');
    follow(child.stderr, 'err');
    const end = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    };
    const timer = setTimeout(() => {
      outcome.isOverTime = true;
      end();
    }, timeoutMs);
    const settle = (code: number | null) => {
      clearTimeout(timer);
      resolve({ ...outcome, code });
    };
    child.once('error', (error) => {
      outcome.err += error.message;
      settle(null);
    });
    // Whatever it left running in its group holds the pipes open: it ends with it.
    child.once('exit', end);
    child.once('close', settle);
  });
}
