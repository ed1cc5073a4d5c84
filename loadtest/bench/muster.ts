import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { built, freePort, repository, startChild, type Child } from './child.ts';
import { Counters } from './counters.ts';
import { MusterApi, type Rollout } from './muster-api.ts';
import { findBelow } from './process-tree.ts';
import { until, type Mode, type Subject } from './subject.ts';

const secondGatewayOffset = 10;
const readyWithinMs = 60_000;

/** Muster, with what the bench asks of it beside the others. */
export interface MusterSubject extends Subject {
  mode: Mode;
  api: MusterApi;
  counters: Counters;
  /** Null where the bus is in the process. */
  natsPort: number | null;
}

export interface MusterOptions {
  mode: Mode;
  /** Cluster: gateways beyond the two that it has. */
  moreGateways?: number;
  /** More settings. */
  env?: Record<string, string>;
  scheme?: 'ws' | 'wss';
}

/** Starts Muster from the last build, on free ports, with an empty database. */
export async function startMuster({
  mode,
  moreGateways = 0,
  env = {},
  scheme = 'ws',
}: MusterOptions): Promise<MusterSubject> {
  const home = await mkdtemp(join(tmpdir(), 'muster-bench-'));
  const [adminKey, token] = [randomBytes(24).toString('hex'), randomBytes(24).toString('hex')];
  const [opampPort, apiPort] = [await freePort(), await freePort()];
  const children: Child[] = [];
  const stop = async () => {
    for (const child of children.toReversed()) await child.stop();
    await rm(home, { recursive: true, force: true });
  };
  try {
    const backends = mode === 'cluster' ? await startBackends(home, children) : null;
    const settings = {
      MUSTER_DATA_DIR: join(home, 'data'),
      MUSTER_OPAMP_PORT: String(opampPort),
      MUSTER_API_PORT: String(apiPort),
      MUSTER_ADMIN_TOKEN: adminKey,
      MUSTER_ENROLLMENT_TOKEN: token,
      ...backends?.env,
      ...env,
    };
    const command = `${repository}apps/muster/bin/muster.mjs`;
    const main = await startChild(
      process.execPath,
      [command, mode === 'cluster' ? 'cluster' : 'start'],
      settings,
    );
    children.push(main);
    const api = new MusterApi(apiPort, adminKey);
    const isUp = async () => (
      main.assertRunning(),
      main.output().includes('Muster is ready.') && (await api.isReady())
    );
    await until('Muster is up', isUp, readyWithinMs);
    const ports = mode === 'cluster' ? [opampPort, opampPort + secondGatewayOffset] : [opampPort];
    for (let more = 0; more < moreGateways; more++)
      ports.push(await startGateway(more, { ...backends!.env, ...env }, children));
    const counters = await Counters.open(join(home, 'data', mode === 'cluster' ? 'cluster' : '.'), {
      natsMonitor: backends?.natsMonitor ?? null,
      redis: backends?.redis ?? null,
    });
    const roots = children.map(({ pid }) => pid);
    return {
      name: 'muster',
      mode,
      api,
      counters,
      natsPort: backends?.nats ?? null,
      urls: ports.map((port) => `${scheme}://127.0.0.1:${port}/v1/opamp`),
      ports,
      token,
      roots,
      gateways: mode === 'cluster' ? findBelow(roots, 'gateway/dist/main.js') : [],
      publish: (body, agents) => publish(api, counters, body, agents),
      settled: (agents) =>
        until('Muster shows all', async () => (await counters.shown()).connected >= agents, 120_000, 100),
      disconnected: async () => (await counters.shown()).disconnected,
      operations: () => counters.read(),
      async stop() {
        await counters.close();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** NATS with its monitoring, and Redis, whose counters are read. */
async function startBackends(
  home: string,
  children: Child[],
): Promise<{ env: Record<string, string>; nats: number; natsMonitor: number; redis: number }> {
  const [nats, natsMonitor, redis] = [await freePort(), await freePort(), await freePort()];
  await mkdir(join(home, 'redis'), { recursive: true });
  const config = join(home, 'nats.conf');
  await writeFile(
    config,
    `listen: "127.0.0.1:${nats}"\nhttp: "127.0.0.1:${natsMonitor}"\nmax_payload: 64MB\nmax_pending: 256MB\n` +
      `jetstream { store_dir: ${JSON.stringify(join(home, 'jetstream'))} }\n`,
  );
  const path = { PATH: `${built}:${process.env['PATH']}:/usr/sbin` };
  children.push(await startChild('nats-server', ['--config', config], path));
  const redisArgs = ['--port', `${redis}`, '--bind', '127.0.0.1', '--dir', join(home, 'redis')];
  redisArgs.push('--appendonly', 'yes', '--save', '', '--maxmemory-policy', 'noeviction');
  children.push(await startChild('redis-server', redisArgs, path));
  const answers = () =>
    fetch(`http://127.0.0.1:${natsMonitor}/varz`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until('NATS is up', answers, readyWithinMs);
  const env = { MUSTER_NATS_URL: `nats://127.0.0.1:${nats}`, MUSTER_REDIS_URL: `redis://127.0.0.1:${redis}` };
  return { env, nats, natsMonitor, redis };
}

/** One more gateway beside the cluster's own. Answers its port. */
async function startGateway(number: number, env: Record<string, string>, children: Child[]): Promise<number> {
  const [port, probePort] = [await freePort(), await freePort()];
  const gateway = await startChild(process.execPath, [`${repository}apps/gateway/dist/main.js`], {
    ...env,
    MUSTER_GATEWAY_ID: `gateway-${number + 3}`,
    MUSTER_OPAMP_PORT: String(port),
    MUSTER_PROBE_PORT: String(probePort),
    MUSTER_LOG_LEVEL: 'warn',
  });
  children.push(gateway);
  const ready = () => {
    gateway.assertRunning();
    return fetch(`http://127.0.0.1:${probePort}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  };
  await until('a gateway is up', ready, readyWithinMs);
  return port;
}

let published = 0;

/** One wave, no soak. The fleet and the configuration are there before; sending it is what is measured. */
async function publish(
  api: MusterApi,
  counters: Counters,
  body: string,
  agents: number,
): Promise<() => Promise<void>> {
  const name = `bench-${++published}`;
  await api.call('PUT', '/fleets/bench', { selector: 'service.name' });
  const members = async () => (await api.call<{ agents: number }>('GET', '/fleets/bench')).agents;
  await until('all agents are in the fleet', async () => (await members()) >= agents, readyWithinMs, 500);
  await api.call('POST', '/configurations', { name, body });
  return async () => {
    const { id } = await api.call<Rollout>('POST', '/rollouts', {
      fleet: 'bench',
      configuration: name,
      version: 1,
      policy: { waves: ['100%'], soakSeconds: 0 },
    });
    const applied = async () => (await counters.applied(id)) >= agents;
    await until('Muster has it applied', applied, 180_000, 100);
  };
}
