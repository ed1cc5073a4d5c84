import { createHash } from 'node:crypto';
import { openSync } from 'node:fs';
import { access, constants, mkdir, realpath, unlink } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Running } from '@muster/platform/running';

/** The data directory cannot be used; the message says why and what to do. */
export class DataDirUnusable extends Error {
  readonly code = 'data-dir-unusable';
}

/**
 * Makes the data directory and takes it for this process alone. The claim is a local socket, which the
 * system drops with the process: nothing stale is left after a crash.
 *
 * @throws DataDirUnusable when it cannot be written or another process has it.
 */
export async function claimDataDir(path: string): Promise<Running & { path: string }> {
  const wanted = resolve(path);
  try {
    await makeDirectory(wanted);
    await access(wanted, constants.W_OK | constants.X_OK);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw new DataDirUnusable(
      `the data directory ${wanted} cannot be written (${reason}): make it writable or set MUSTER_DATA_DIR to one that is`,
    );
  }
  const dir = await realpath(wanted);
  const server = await claim(dir);
  if (server === null) {
    throw new DataDirUnusable(
      `another Muster runs on the data directory ${dir}: stop it, or set MUSTER_DATA_DIR to another one`,
    );
  }
  return { path: dir, stop: () => new Promise((done) => server.close(() => done())) };
}

/** Systems take no longer path for a socket. */
const longestSocketPath = 100;

/** The claim of a directory; null while another process has it. */
async function claim(dir: string): Promise<LocalServer | null> {
  const name = `muster-${createHash('sha256').update(dir).digest('hex').slice(0, 24)}`;
  if (process.platform === 'win32') return listenOrTakeOver(`\\\\.\\pipe\\${name}`);
  const far = join(tmpdir(), `${name}.sock`);
  try {
    // a mounted folder may take no sockets
    return await listenOrTakeOver(socketIn(dir)).catch(() => listenOrTakeOver(far));
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw new DataDirUnusable(
      `neither the data directory ${dir} nor ${tmpdir()} takes a socket (${reason}): set MUSTER_DATA_DIR or TMPDIR to a directory that does`,
    );
  }
}

/** Where the socket of a directory is; a long way there is cut short by a handle that stays open. */
function socketIn(dir: string): string {
  const path = join(dir, 'muster.sock');
  if (path.length <= longestSocketPath || process.platform !== 'linux') return path;
  return `/proc/self/fd/${openSync(dir, 'r')}/muster.sock`;
}

async function listenOrTakeOver(socket: string): Promise<LocalServer | null> {
  return (await listenOn(socket)) ?? (await takeOver(socket));
}

/** Not Node's recursive mkdir: on file systems that take no files, such as /proc, that one never ends. */
async function makeDirectory(path: string): Promise<void> {
  const make = () => mkdir(path, { mode: 0o700 });
  const failure = await make().then(
    () => null,
    (error: NodeJS.ErrnoException) => error,
  );
  if (failure === null || failure.code === 'EEXIST') return;
  if (failure.code !== 'ENOENT' || dirname(path) === path) throw failure;
  await makeDirectory(dirname(path));
  await make();
}

type LocalServer = ReturnType<typeof createServer>;

function listenOn(socket: string): Promise<LocalServer | null> {
  return new Promise((done, fail) => {
    const server = createServer((peer) => peer.destroy());
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? done(null) : fail(error),
    );
    server.listen(socket, () => done(server.unref()));
  });
}

/** The socket's file outlives a killed process; only a living one answers. */
async function takeOver(socket: string): Promise<LocalServer | null> {
  const alive = await new Promise<boolean>((done) => {
    const peer = connect(socket, () => {
      peer.destroy();
      done(true);
    }).once('error', () => done(false));
  });
  if (alive) return null;
  await unlink(socket).catch(() => {});
  return listenOn(socket);
}
