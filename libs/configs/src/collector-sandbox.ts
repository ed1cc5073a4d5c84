import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a collector said of configurations, or why it was not asked to the end. */
export type Verdict =
  | { kind: 'said'; accepted: boolean; text: string }
  /** It was ended at a limit, which is told in words. */
  | { kind: 'overLimit'; limit: string }
  /** Nothing was run. */
  | { kind: 'notRun'; reason: string };

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

/** Characters of each stream. */
const maxOutput = 64 * 1024;
const maxData = 1024 ** 3;
const limits = [
  '--core=0',
  '--nofile=1024',
  '--nproc=128',
  '--fsize=16777216',
  `--data=${maxData}`,
  '--as=8589934592',
];
/** The Go runtime does not see limits by itself. */
const goRuntime = { GOMEMLIMIT: '512MiB', GOMAXPROCS: '2' };
/** Whom a collector runs as where Muster is root: the kernel counts no processes of root's. */
const nobody = 65534;

const namespaces = ['--user', '--mount', '--net', '--ipc', '--pid', '--fork', '--kill-child=SIGKILL'];
const areUnshared = 'namespaces-are-made';
const isMade = 'sandbox-is-made';

/** Goes on when its users are mapped: until then it has no capabilities to make anything with. */
const awaitUsers = `echo ${areUnshared}; read -r _ || exit 1; exec prlimit ${limits.join(' ')} "$@"`;

/**
 * Makes a root that holds the collector, what its loader needs to start it, time zones, and the programs of the last
 * steps; all of it read-only. The machine's own root is detached, so that no way out leads to it, and all that could
 * change a mount is given up: capabilities, ever getting new ones, and user namespaces below this one, in which
 * everybody has all of them.
 */
const makeRoot = String.raw`set -e
binary=$1; drop=$2; ask=$3; shift 3
umask 022
tools=$(for tool in sh umount setpriv; do command -v "$tool"; done)
interpreter=$(head -c 256 "$binary" | tr -d '\000' | LC_ALL=C sed -n '1s/^#! *\([^ ]*\).*/\1/p')
libraries=$(ldd $tools $interpreter "$binary" 2>/dev/null | sed -n 's/^.*[[:space:]]\(\/[^ ]*\) (0x.*/\1/p' | sort -u)
mount -t tmpfs -o size=64m,mode=755,nosuid,nodev tmpfs root
show() {
  mount --bind "$1" "root$2"
  mount -o remount,bind,ro,nosuid,nodev "root$2"
}
for file in $tools $interpreter $libraries; do
  if [ ! -e "root$file" ]; then
    mkdir -p "root$(dirname "$file")"
    : > "root$file"
    show "$file" "$file"
  fi
done
zones=/usr/share/zoneinfo
if [ -d $zones ]; then
  mkdir -p root$zones
  show $zones $zones
fi
: > root/otelcol
show "$binary" /otelcol
cp config-*.yaml root/
chmod 644 root/config-*.yaml
mkdir root/machine
# For umount; it leads nowhere afterwards.
ln -s machine/proc root/proc
mount -o remount,bind,ro,nosuid,nodev root
(echo 0 > /proc/sys/user/max_user_namespaces) 2>/dev/null || true
cd root
pivot_root . machine
cd /
umount -l /machine
unset OLDPWD
exec setpriv $drop --bounding-set=-all --inh-caps=-all --ambient-caps=-all --no-new-privs sh -c "$ask" sh "$@"
`;

/** The shell stays: signals that end a collector would not end the first process of a namespace. */
const ask = `
while [ "$1" != -- ]; do export "$1"; shift; done; shift
echo ${isMade}
/otelcol validate "$@"
exit $?
`;

/** Runs `validate` of a collector in a fresh directory, which is gone afterwards, as all its processes are. */
export async function runValidate(validation: Validation): Promise<Verdict> {
  const directory = await mkdtemp(join(tmpdir(), 'muster-validate-'));
  try {
    await mkdir(join(directory, 'root'));
    const names = validation.configs.map((_, index) => `config-${index}.yaml`);
    await Promise.all(
      names.map((name, index) => writeFile(join(directory, name), validation.configs[index]!)),
    );
    return await (validation.unshare !== null
      ? runSandboxed(validation, validation.unshare, directory, names)
      : runOpenly(validation, directory, names));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function runSandboxed(
  { binary, env, timeoutMs }: Validation,
  unshare: string,
  directory: string,
  names: string[],
): Promise<Verdict> {
  const drop = isRoot() ? `--reuid=${nobody} --regid=${nobody} --clear-groups` : '';
  const assignments = Object.entries({ ...env, ...goRuntime }).map(([name, value]) => `${name}=${value}`);
  const asked = [...assignments, '--', ...names.map((name) => `--config=/${name}`)];
  const steps = [`--cpu=${cpuSecondsOf(timeoutMs)}`, 'sh', '-c', makeRoot, 'sh', binary, drop, ask, ...asked];
  const child = start(unshare, [...namespaces, 'sh', '-c', awaitUsers, 'sh', ...steps], {
    cwd: directory,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  });
  const [outcome, unmapped] = await Promise.all([outcomeOf(child, timeoutMs), mapUsers(child)]);
  const introduction = `${areUnshared}\n${isMade}\n`;
  if (outcome.out.startsWith(introduction)) {
    return verdictOf({ ...outcome, out: outcome.out.slice(introduction.length) }, timeoutMs);
  }
  const isLate = outcome.limit === 'time';
  const reason =
    unmapped || (isLate ? 'it took too long' : outcome.err.trim()) || `exit code ${outcome.code}`;
  return { kind: 'notRun', reason: `no sandbox can be made for it here: ${reason}` };
}

async function runOpenly(
  { binary, env, timeoutMs }: Validation,
  directory: string,
  names: string[],
): Promise<Verdict> {
  const configs = names.map((name) => `--config=${name}`);
  const child = start(binary, ['validate', ...configs], { cwd: directory, env: { ...env, ...goRuntime } });
  return verdictOf(await outcomeOf(child, timeoutMs), timeoutMs);
}

function verdictOf({ code, out, err, limit }: Outcome, timeoutMs: number): Verdict {
  const over = (told: string): Verdict => ({ kind: 'overLimit', limit: told });
  if (limit === 'time') return over(`it did not come to an end within ${timeoutMs} ms`);
  if (limit === 'output') return over(`it wrote more than ${maxOutput / 1024} KiB of output`);
  if (code === 0) return { kind: 'said', accepted: true, text: err + out };
  // What a shell says of a program it cannot start.
  if (code === 126 || code === 127) {
    return { kind: 'notRun', reason: `it cannot be started: ${err.trim() || `exit code ${code}`}` };
  }
  if (isOutOfMemory.test(err)) return over(`it wanted more than ${maxData / 1024 ** 3} GiB of memory`);
  // By SIGKILL, which only the kernel sends there.
  if (code === 137)
    return over(`it used up ${cpuSecondsOf(timeoutMs)} s of processor time, or this machine's memory`);
  return { kind: 'said', accepted: false, text: err + out };
}

/** What several processors can give in that time is not worth it. */
function cpuSecondsOf(timeoutMs: number): number {
  return Math.max(1, Math.ceil(timeoutMs / 1000));
}

/** As the Go runtime and others say it. */
const isOutOfMemory = /^(?:fatal error: |runtime: )*(?:out of memory|cannot allocate memory)/im;

/**
 * Tells who is who in the child's user namespace when it has made it. From inside nobody could map a second user,
 * whom root needs to become. Returns why that was not possible; null: it was, or the child did not get so far.
 */
async function mapUsers(child: ChildProcess): Promise<string | null> {
  child.stdin?.on('error', () => undefined);
  const isReady = await Promise.race([
    once(child.stdout!, 'data').then(() => true),
    once(child, 'close').then(
      () => false,
      () => false,
    ),
  ]);
  if (!isReady) return null;
  try {
    const file = (name: string) => `/proc/${child.pid}/${name}`;
    if (!isRoot()) await writeFile(file('setgroups'), 'deny');
    await writeFile(file('gid_map'), mapOf(process.getegid!()));
    await writeFile(file('uid_map'), mapOf(process.geteuid!()));
    child.stdin?.end('\n');
    return null;
  } catch (error) {
    child.stdin?.end();
    return (error as Error).message;
  }
}

/** Root inside is who Muster is; root's own may be nobody as well. */
function mapOf(id: number): string {
  return `0 ${id} 1\n${isRoot() ? `${nobody} ${nobody} 1\n` : ''}`;
}

function isRoot(): boolean {
  return process.geteuid!() === 0;
}

function start(
  program: string,
  args: string[],
  options: Pick<SpawnOptions, 'cwd'> & { env: Readonly<Record<string, string>> },
): ChildProcess {
  // A group of its own, to be ended as a whole.
  return spawn(program, args, { ...options, detached: true, stdio: 'pipe' });
}

interface Outcome {
  /** Null: a signal ended it, or it could not be started. */
  code: number | null;
  out: string;
  err: string;
  /** Why it was ended from here; null: it was not. */
  limit: 'time' | 'output' | null;
}

function outcomeOf(child: ChildProcess, timeoutMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const outcome: Outcome = { code: null, out: '', err: '', limit: null };
    const end = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    };
    const endFor = (limit: 'time' | 'output') => {
      outcome.limit ??= limit;
      end();
    };
    const follow = (stream: ChildProcess['stdout'], key: 'out' | 'err') =>
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        const text = outcome[key] + chunk;
        outcome[key] = text.slice(0, maxOutput);
        if (text.length > maxOutput) endFor('output');
      });
    follow(child.stdout, 'out');
    follow(child.stderr, 'err');
    const timer = setTimeout(() => endFor('time'), timeoutMs);
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
