import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { SubjectFailed } from './subject.ts';

export const repository = fileURLToPath(new URL('../..', import.meta.url));
export const built = `${repository}.cache/bin`;
const stopWithinMs = 15_000;
const lastWords = 2_000;

/** A process that the bench started. */
export interface Child {
  pid: number;
  /** Throws `SubjectFailed` with its last words once it has ended. */
  assertRunning(): void;
  output(): string;
  stop(): Promise<void>;
}

/** Starts a program in a process group of its own. Its environment is this one's, less Muster's settings. */
export async function startChild(
  command: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<Child> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('MUSTER_'));
  const child = spawn(command, args, {
    cwd: repository,
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  await once(child, 'spawn');
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  return {
    pid: child.pid!,
    output: () => output,
    assertRunning() {
      if (hasEnded())
        throw new SubjectFailed(
          `${command} ended with ${child.exitCode ?? child.signalCode}: ${output.slice(-lastWords)}`,
        );
    },
    async stop() {
      process.removeListener('exit', kill);
      if (hasEnded()) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      const late = setTimeout(kill, stopWithinMs);
      await gone;
      clearTimeout(late);
    },
  };
}

/** A loopback port that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
