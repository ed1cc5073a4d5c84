import { constants } from 'node:fs';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { freePort, loopback, runServer, talkTo, type LocalServer } from './local-server.ts';
import type { Log } from './log.ts';

/** NATS or Redis of this machine, on loopback. */
export interface LocalService extends LocalServer {
  url: string;
  port: number;
}

export interface LocalServiceOptions {
  /** Where it keeps its files; made when missing. */
  dataDir: string;
  /** Default: a free one. */
  port?: number;
  /** Looked into before PATH. Default: MUSTER_BIN_DIR of this process's environment. */
  binDir?: string | undefined;
  /** Gets what the server says, at level debug. */
  log?: Log;
}

/** A server's program is not on this machine. */
export class MissingBinary extends Error {
  readonly code = 'missing-binary';

  readonly binary: string;

  constructor(binary: string, wayOut: string) {
    super(`${binary} is not installed: ${wayOut}`);
    this.binary = binary;
  }
}

/** Starts a NATS server with JetStream. Throws `MissingBinary` or `ServerDidNotStart`. */
export async function startLocalNats(
  options: LocalServiceOptions & { maxPayload?: string },
): Promise<LocalService> {
  const binary = await findBinary(
    'nats-server',
    options.binDir,
    'run "apt install nats-server", or put a release of github.com/nats-io/nats-server into MUSTER_BIN_DIR',
  );
  const dataDir = resolve(options.dataDir);
  const port = options.port ?? (await freePort());
  const config = join(dataDir, 'nats.conf');
  await mkdir(dataDir, { recursive: true });
  await writeFile(config, natsConfig(port, join(dataDir, 'jetstream'), options.maxPayload ?? '64MB'));
  const server = await runServer({
    name: 'nats-server',
    binary,
    args: ['--config', config],
    dataDir,
    port,
    isReady: async () => (await talkTo(port)).startsWith('INFO '),
    log: options.log,
  });
  return { ...server, port, url: `nats://${loopback}:${port}` };
}

/** Starts a Redis server that keeps its data on disk. Throws `MissingBinary` or `ServerDidNotStart`. */
export async function startLocalRedis(options: LocalServiceOptions): Promise<LocalService> {
  const binary = await findBinary(
    'redis-server',
    options.binDir,
    'run "apt install redis-server", or put the program into MUSTER_BIN_DIR',
  );
  const dataDir = resolve(options.dataDir);
  const port = options.port ?? (await freePort());
  const server = await runServer({
    name: 'redis-server',
    binary,
    args: redisArguments(port, dataDir),
    dataDir,
    port,
    isReady: async () => (await talkTo(port, 'PING\r\n')).startsWith('+PONG'),
    log: options.log,
  });
  return { ...server, port, url: `redis://${loopback}:${port}` };
}

function natsConfig(port: number, storeDir: string, maxPayload: string): string {
  return [
    `listen: "${loopback}:${port}"`,
    `max_payload: ${maxPayload}`,
    'max_pending: 256MB',
    `jetstream { store_dir: ${JSON.stringify(storeDir)} }`,
    '',
  ].join('\n');
}

function redisArguments(port: number, dataDir: string): string[] {
  const settings = {
    port: String(port),
    bind: loopback,
    dir: dataDir,
    appendonly: 'yes',
    save: '',
    // BullMQ must not lose keys to eviction.
    'maxmemory-policy': 'noeviction',
    'set-proc-title': 'no',
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

/** The program in `binDir`, else on PATH or where Debian and Go put it. Throws `MissingBinary`. */
export async function findBinary(name: string, binDir: string | undefined, wayOut: string): Promise<string> {
  const path = (process.env['PATH'] ?? '').split(delimiter);
  const given = binDir ?? process.env['MUSTER_BIN_DIR'];
  const home = process.env['HOME'];
  for (const folder of [given, ...path, '/usr/sbin', home && join(home, 'go', 'bin')]) {
    if (!folder) continue;
    const file = join(folder, name);
    const runs = access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (await runs) return file;
  }
  throw new MissingBinary(name, wayOut);
}
