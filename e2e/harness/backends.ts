import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startEmbeddedPostgres } from '@muster/db/embedded-postgres';
import { freePorts, talkTo } from '@muster/platform/local-server';
import { startLocalNats, startLocalRedis } from '@muster/platform/local-services';
import { createLog } from '@muster/platform/log';
import { natsServer } from './binaries.ts';
import { descendants } from './child.ts';

const log = createLog('backends', 'fatal');
const binDir = natsServer ? dirname(natsServer) : undefined;

/** A server under a cluster that can go away and come back at the same address with its data. */
export class Backend {
  readonly #start: () => Promise<RunningServer>;
  #running: RunningServer;

  private constructor(start: () => Promise<RunningServer>, running: RunningServer) {
    this.#start = start;
    this.#running = running;
  }

  static async run(start: () => Promise<RunningServer>): Promise<Backend> {
    return new Backend(start, await start());
  }

  get pid(): number {
    return this.#running.pid;
  }

  /** Ends it, as an operator would. */
  stop(): Promise<void> {
    return this.#running.stop();
  }

  async startAgain(): Promise<void> {
    this.#running = await this.#start();
  }

  /** It hangs: connections stay open and nothing answers. */
  pause(): void {
    for (const pid of [this.pid, ...descendants(this.pid)]) process.kill(pid, 'SIGSTOP');
  }

  resume(): void {
    for (const pid of [this.pid, ...descendants(this.pid)]) process.kill(pid, 'SIGCONT');
  }
}

interface RunningServer {
  pid: number;
  stop(): Promise<void>;
}

/** NATS, Redis and PostgreSQL for a cluster, which a test can take away one by one. */
export class Backends {
  readonly nats: Backend;
  readonly redis: Backend;
  readonly postgres: Backend;
  /** For the cluster that runs on them. */
  readonly env: Record<string, string>;
  readonly #home: string;
  readonly #redisPort: number;

  private constructor(
    home: string,
    [natsPort, redisPort, postgresPort]: [number, number, number],
    [nats, redis, postgres]: [Backend, Backend, Backend],
  ) {
    this.#home = home;
    this.#redisPort = redisPort;
    this.nats = nats;
    this.redis = redis;
    this.postgres = postgres;
    const password = readFileSync(join(home, 'postgres-password'), 'utf8').trim();
    this.env = {
      MUSTER_NATS_URL: `nats://127.0.0.1:${natsPort}`,
      MUSTER_REDIS_URL: `redis://127.0.0.1:${redisPort}`,
      MUSTER_DATABASE_URL: `postgresql://muster:${password}@127.0.0.1:${postgresPort}/postgres`,
    };
  }

  static async start(): Promise<Backends> {
    const home = await mkdtemp(join(tmpdir(), 'muster-e2e-backends-'));
    const first = await freePorts(3);
    const ports: [number, number, number] = [first, first + 1, first + 2];
    const nats = await Backend.run(() =>
      startLocalNats({ dataDir: join(home, 'nats'), port: ports[0], binDir, log }),
    );
    const redis = await Backend.run(() =>
      startLocalRedis({ dataDir: join(home, 'redis'), port: ports[1], binDir, log }),
    );
    const postgres = await Backend.run(() => startPostgres(home, ports[2]));
    return new Backends(home, ports, [nats, redis, postgres]);
  }

  /** Redis forgets everything. */
  async flushRedis(): Promise<void> {
    const answer = await talkTo(this.#redisPort, 'FLUSHALL\r\n');
    if (!answer.startsWith('+OK')) throw new Error(`FLUSHALL was answered with ${answer}`);
  }

  /** A cold backup of PostgreSQL, which is away for a moment. */
  async savePostgres(): Promise<void> {
    await this.postgres.stop();
    await rm(this.#backup, { recursive: true, force: true });
    copyAsItIs(this.#data, this.#backup);
    await this.postgres.startAgain();
  }

  /** PostgreSQL is as it was at the backup. */
  async putBackPostgres(): Promise<void> {
    await this.postgres.stop();
    await rm(this.#data, { recursive: true, force: true });
    copyAsItIs(this.#backup, this.#data);
    await this.postgres.startAgain();
  }

  get #data(): string {
    return join(this.#home, 'postgres');
  }

  get #backup(): string {
    return join(this.#home, 'backup');
  }

  /** For afterAll. */
  async dispose(): Promise<void> {
    for (const backend of [this.nats, this.redis, this.postgres]) {
      backend.resume();
      await backend.stop();
    }
    await rm(this.#home, { recursive: true, force: true });
  }
}

/** With owners and modes, which PostgreSQL insists on. */
function copyAsItIs(from: string, to: string): void {
  execFileSync('cp', ['-a', from, to]);
}

async function startPostgres(dataDir: string, port: number): Promise<RunningServer> {
  // these settings win over the embedded server's own
  const server = await startEmbeddedPostgres({ dataDir, log, settings: { port: String(port) } });
  const lines = readFileSync(join(dataDir, 'postgres/postmaster.pid'), 'utf8').split('\n');
  return { pid: Number(lines[0]), stop: () => server.stop() };
}
