import { join } from 'node:path';
import { wireAccess } from '@muster/access/wire';
import { lastStepsMs } from '@muster/app-gateway/last-steps';
import { migrateToLatest } from '@muster/db/migrate.postgres';
import { openDatabase } from '@muster/db/pool.postgres';
import { createMemoryEventBus } from '@muster/messages/event-bus.memory';
import { assertCanListen } from '@muster/platform/listening';
import { freePort } from '@muster/platform/local-server';
import { createLog } from '@muster/platform/log';
import { assemble } from '@muster/platform/process';
import type { Running } from '@muster/platform/running';
import { banner } from './banner.ts';
import { startBackends, type Backends } from './backends.ts';
import { startChild, type ChildSpec } from './child-process.ts';
import { claimDataDir } from './data-dir.ts';
import type { ClusterEnv } from './env.ts';
import { ensureFirstCredentials } from './first-credentials.ts';

/** The second gateway's port, from the first's. */
const secondGatewayOffset = 10;

/**
 * What production runs, on this machine: PostgreSQL, NATS and Redis, two gateways, inventory, configs,
 * rollouts and api as processes of their own. A process that dies is started again.
 */
export async function startCluster(env: ClusterEnv, print: (text: string) => void): Promise<Running> {
  const log = createLog('muster', env.MUSTER_LOG_LEVEL);
  return assemble(async (keep) => {
    const { path: dataDir } = keep(await claimDataDir(env.MUSTER_DATA_DIR));
    const opampPorts = await opampPortsOf(env.MUSTER_OPAMP_PORT);
    for (const port of opampPorts) await assertCanListen(env.MUSTER_HOST, port, 'MUSTER_OPAMP_PORT');
    await assertCanListen(env.MUSTER_HOST, env.MUSTER_API_PORT, 'MUSTER_API_PORT');
    const backends = keep(await startBackends(env, join(dataDir, 'cluster'), log, print));
    const scheme = env.MUSTER_OPAMP_TLS_CERT_FILE === undefined ? 'ws' : 'wss';
    const opamp = env.MUSTER_OPAMP_PUBLIC_URL
      ? [env.MUSTER_OPAMP_PUBLIC_URL]
      : opampPorts.map((port) => `${scheme}://${env.MUSTER_HOST}:${port}/v1/opamp`);

    const db = openDatabase({ url: backends.databaseUrl, maxConnections: 2, log });
    const first = await (async () => {
      try {
        await migrateToLatest(db, log);
        const { access } = wireAccess({ db, bus: createMemoryEventBus({ log }) });
        const presets = { adminKey: env.MUSTER_ADMIN_TOKEN, enrollmentToken: env.MUSTER_ENROLLMENT_TOKEN };
        return await ensureFirstCredentials(access, presets, dataDir, opamp[0] ?? '');
      } finally {
        await db.destroy();
      }
    })();

    const apiPort = env.MUSTER_API_PORT || (await freePort());
    const startAll = (specs: ChildSpec[]) => Promise.all(specs.map((spec) => startChild(spec, log)));
    const { inventory, services, gateways } = await childSpecs(env, backends, opampPorts, apiPort);
    // inventory answers the gateways' questions, so it comes first and goes last
    keep(await startChild(inventory, log));
    const [running, doors] = await Promise.all([startAll(services), startAll(gateways)]);
    running.forEach(keep);
    keep(together(doors));
    print(banner({ ui: `http://${env.MUSTER_HOST}:${apiPort}/`, opamp, dataDir }, first));
  });
}

async function opampPortsOf(wanted: number): Promise<number[]> {
  return wanted === 0 ? [await freePort(), await freePort()] : [wanted, wanted + secondGatewayOffset];
}

/** Parts that are stopped at once. */
function together(parts: readonly Running[]): Running {
  return {
    stopsWithinMs: Math.max(...parts.map((part) => part.stopsWithinMs ?? 0)),
    async stop() {
      await Promise.all(parts.map((part) => part.stop()));
    },
  };
}

/**
 * A gateway's heap is small and all alive, beside short-lived messages: V8's defaults let it grow to several
 * times that (docs/performance.md). The manifests say the same.
 */
const gatewayNodeArgs = ['--max-semi-space-size=2', '--heap-growing-percent=10'];

/** What is to run, beside the backends. */
interface ChildSpecs {
  inventory: ChildSpec;
  services: ChildSpec[];
  gateways: ChildSpec[];
}

async function childSpecs(
  env: ClusterEnv,
  backends: Backends,
  opampPorts: number[],
  apiPort: number,
): Promise<ChildSpecs> {
  const onBus = { MUSTER_NATS_URL: backends.natsUrl, MUSTER_REDIS_URL: backends.redisUrl };
  const onDatabase = { ...onBus, MUSTER_DATABASE_URL: backends.databaseUrl };
  const spec = async (
    app: string,
    name: string,
    settings: Record<string, string>,
    more: Pick<ChildSpec, 'nodeArgs' | 'stopsWithinMs'> = {},
  ): Promise<ChildSpec> => {
    const probePort = app === 'api' ? apiPort : await freePort();
    return {
      name,
      main: new URL(`../../${app}/dist/main.js`, import.meta.url),
      ...more,
      probePort,
      env: { ...env.environment, ...settings, MUSTER_PROBE_PORT: String(probePort) },
    };
  };
  // Ctrl-C ends all of them: there is nowhere to go.
  const drainSeconds = env.environment['MUSTER_DRAIN_SECONDS'] || '0';
  const gateways = opampPorts.map((port, index) =>
    spec(
      'gateway',
      `gateway-${index + 1}`,
      {
        ...onBus,
        MUSTER_GATEWAY_ID: `gateway-${index + 1}`,
        MUSTER_OPAMP_PORT: String(port),
        MUSTER_DRAIN_SECONDS: drainSeconds,
      },
      { nodeArgs: gatewayNodeArgs, stopsWithinMs: Number(drainSeconds) * 1_000 + lastStepsMs },
    ),
  );
  const services = [
    spec('configs', 'configs', onDatabase),
    spec('rollouts', 'rollouts', onDatabase),
    spec('api', 'api', {
      ...onDatabase,
      MUSTER_API_PORT: String(apiPort),
      MUSTER_OPAMP_PORT: String(opampPorts[0]),
    }),
  ];
  return {
    inventory: await spec('inventory', 'inventory', onDatabase),
    services: await Promise.all(services),
    gateways: await Promise.all(gateways),
  };
}
