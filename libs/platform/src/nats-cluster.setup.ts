import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, loopback, runServer, talkTo, type LocalServer } from './local-server.ts';
import { findBinary } from './local-services.ts';

/** One server of a cluster, which a test can kill, stop from running and start again on its data. */
export interface ClusterServer {
  /** As NATS names it in what it says of its cluster. */
  name: string;
  url: string;
  /** As a power failure would. */
  kill(): Promise<void>;
  /** As an operator would. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** It hangs: its connections stay, and nothing answers. */
  pause(): void;
  resume(): void;
}

export interface NatsClusterOptions {
  servers?: number;
  /** Lines for the configuration of each server, such as those of TLS. */
  config?: string[];
  /** Lines of its jetstream block. */
  jetstream?: string[];
}

/** NATS servers with JetStream that form a cluster on this machine; for tests. */
export async function startNatsCluster({
  servers: count = 3,
  config = [],
  jetstream = [],
}: NatsClusterOptions = {}) {
  const home = await mkdtemp(join(tmpdir(), 'muster-nats-cluster-'));
  const binary = await findBinary('nats-server', undefined, 'put it into MUSTER_BIN_DIR');
  const first = await freePorts(count * 2);
  const routes = Array.from({ length: count }, (_, index) => `nats://${loopback}:${first + count + index}`);
  const servers = await Promise.all(
    Array.from({ length: count }, async (_, index): Promise<ClusterServer> => {
      const port = first + index;
      const dataDir = join(home, `${index}`);
      const file = join(dataDir, 'nats.conf');
      await mkdir(dataDir, { recursive: true });
      const lines = [
        `server_name: server-${index}`,
        `listen: "${loopback}:${port}"`,
        'max_payload: 8MB',
        `jetstream { store_dir: ${JSON.stringify(join(dataDir, 'jetstream'))}\n${jetstream.join('\n')}\n}`,
        ...(count > 1
          ? [
              `cluster { name: muster, listen: "${loopback}:${first + count + index}", routes: ${JSON.stringify(routes)} }`,
            ]
          : []),
        ...config,
      ];
      await writeFile(file, lines.join('\n'));
      let running: LocalServer | null = null;
      const signal = (name: NodeJS.Signals) => {
        try {
          if (running) process.kill(running.pid, name);
        } catch (error) {
          // One that lost its cluster may have ended by itself.
          if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
        }
      };
      const server: ClusterServer = {
        name: `server-${index}`,
        url: `nats://${loopback}:${port}`,
        async start() {
          running = await runServer({
            name: 'nats-server',
            binary,
            args: ['--config', file],
            dataDir,
            port,
            isReady: async () => (await talkTo(port)).startsWith('INFO '),
          });
        },
        async stop() {
          signal('SIGCONT');
          await running?.stop();
          running = null;
        },
        async kill() {
          signal('SIGKILL');
          await server.stop();
        },
        pause: () => signal('SIGSTOP'),
        resume: () => signal('SIGCONT'),
      };
      return server;
    }),
  );
  await Promise.all(servers.map((server) => server.start()));
  return {
    servers,
    /** All of them, as MUSTER_NATS_URL takes them. */
    url: servers.map(({ url }) => url).join(','),
    named(name: string | undefined): ClusterServer {
      const found = servers.find((server) => server.name === name);
      if (!found) throw new Error(`no server is called ${name}`);
      return found;
    },
    async stop(): Promise<void> {
      await Promise.all(servers.map((server) => server.stop()));
      await rm(home, { recursive: true, force: true });
    },
  };
}
