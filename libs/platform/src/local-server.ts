import { execFile, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { spawnGuarded } from './guarded-program.ts';
import type { Log } from './log.ts';

export const loopback = '127.0.0.1';

/** A server ended at once or did not answer in time; the message holds its last words. */
export class ServerDidNotStart extends Error {
  readonly code = 'server-did-not-start';
}

export interface ServerProgram {
  name: string;
  binary: string;
  /** Must hold `dataDir`, by which an orphan is known again. */
  args: string[];
  dataDir: string;
  port: number;
  isReady(): Promise<boolean>;
  log?: Log | undefined;
}

export interface LocalServer {
  pid: number;
  /** Asks it to end, and makes it end after 5 s. */
  stop(): Promise<void>;
}

const readyTimeoutMs = 10_000;
const stopTimeoutMs = 5_000;
const endsBy = [
  ['TERM', stopTimeoutMs / 1_000],
  ['KILL', 1],
] as const;

/**
 * Runs a server of this machine and waits until it answers. It ends when this process does. A former one on the
 * same data directory is stopped first. Throws `ServerDidNotStart`.
 */
export async function runServer(program: ServerProgram): Promise<LocalServer> {
  await mkdir(program.dataDir, { recursive: true });
  const pidFile = join(program.dataDir, 'server.pid');
  await stopOrphan(pidFile, program.dataDir);
  if (!(await isFree(program.port))) {
    throw new ServerDidNotStart(`${program.name} did not start: port ${program.port} is taken`);
  }
  // Ctrl-C is for us, who stop our servers last.
  const guarded = spawnGuarded([program.binary, ...program.args], { endsBy });
  const exited = exitOf(guarded.process);
  const lastWords = followOutput(guarded.process, program);

  const failure = await Promise.race([exited, readiness(program)]);
  if (failure === null) {
    const pid = await guarded.pid;
    await writeFile(pidFile, String(pid));
    const stop = async () => {
      await guarded.end();
      await rm(pidFile, { force: true });
    };
    return { pid, stop };
  }
  await guarded.end();
  throw new ServerDidNotStart([`${program.name} did not start: ${failure}`, ...lastWords].join(' | '));
}

/** What a server on this loopback port says first, or in answer to `text`. */
export function talkTo(port: number, text = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: loopback, port, timeout: 1_000 }, () => socket.write(text));
    socket.setEncoding('utf8');
    socket.once('data', (said: string) => {
      socket.destroy();
      resolve(said);
    });
    socket.once('error', reject);
    socket.once('timeout', () => socket.destroy(new Error('no answer')));
  });
}

/** Below the ports that systems hand out by themselves: one of those may be an outgoing connection's in a moment. */
const freePortRange = { first: 10_000, count: 22_000 };

/** A loopback port that nothing listens on now, nor is likely to before the caller does. */
export function freePort(): Promise<number> {
  return freePorts(1);
}

/** So many such ports in a row; answers the first. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = freePortRange.first + randomInt(freePortRange.count - count + 1);
    const free = await Promise.all(Array.from({ length: count }, (_, index) => isFree(first + index)));
    if (!free.includes(false)) return first;
  }
}

function isFree(port: number): Promise<boolean> {
  return listenBriefly(port).then(
    () => true,
    () => false,
  );
}

async function listenBriefly(port: number): Promise<void> {
  const server = createServer().listen(port, loopback);
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
}

/** Why it ended, or could not be run at all. */
function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`ended with ${signal ?? `code ${code}`}`));
  });
}

/** Null once it answers, or why that does not happen. */
async function readiness(program: ServerProgram): Promise<string | null> {
  const ends = Date.now() + readyTimeoutMs;
  while (Date.now() < ends) {
    if (await program.isReady().catch(() => false)) return null;
    await delay(20);
  }
  return `no answer in ${readyTimeoutMs} ms`;
}

/** Logs what the server says and keeps the last lines. */
function followOutput(child: ChildProcess, { name, log }: ServerProgram): string[] {
  const last: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines.filter((text) => text.trim() !== '')) {
        log?.debug({ server: name }, line.trim());
        last.push(line.trim());
        if (last.length > 3) last.shift();
      }
    });
  }
  return last;
}

async function stopOrphan(pidFile: string, dataDir: string): Promise<void> {
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => '0'));
  const runs = async () => pid > 0 && (await commandLine(pid)).includes(dataDir);
  const kindUntil = Date.now() + stopTimeoutMs;
  while (await runs()) {
    try {
      process.kill(pid, Date.now() < kindUntil ? 'SIGTERM' : 'SIGKILL');
    } catch {
      return;
    }
    await delay(50);
  }
}

/** Empty when there is no such process. */
async function commandLine(pid: number): Promise<string> {
  if (process.platform === 'linux') return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  const ps = promisify(execFile)('ps', ['-ww', '-p', String(pid), '-o', 'args=']);
  return ps.then(
    ({ stdout }) => stdout,
    () => '',
  );
}
