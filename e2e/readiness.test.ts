import { freePorts } from '@muster/platform/local-server';
import { FaultyProxy, type Fault } from '@muster/platform/faulty-proxy.setup';
import type { FakeAgent } from '@muster/opamp/fake-agent';
import type { ReadyState } from '@muster/platform/readiness';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Backends } from './harness/backends.ts';
import { descendants, environmentOf } from './harness/child.ts';
import { showOnFailure } from './harness/failure.ts';
import { startFakeAgents, uidOf } from './harness/fleet.ts';
import { logged, modes, Muster } from './harness/muster.ts';

/** Checks time out after a second, gateways wait for five; the rest is for a machine with other work. */
const soon = { timeout: 40_000, interval: 250 };
const settings = { database: 'MUSTER_DATABASE_URL', bus: 'MUSTER_NATS_URL', presence: 'MUSTER_REDIS_URL' };
type Dependency = keyof typeof settings;
const faults: Fault[] = ['stopped', 'hung', 'slow'];

/** The table of docs/operations.md: what each process says while a dependency is away. */
const table: Record<string, Record<Dependency, 'ready' | 'degraded' | 'not ready'>> = {
  'gateway-1': { database: 'ready', bus: 'not ready', presence: 'not ready' },
  'gateway-2': { database: 'ready', bus: 'not ready', presence: 'not ready' },
  inventory: { database: 'not ready', bus: 'not ready', presence: 'degraded' },
  configs: { database: 'not ready', bus: 'not ready', presence: 'not ready' },
  rollouts: { database: 'not ready', bus: 'not ready', presence: 'not ready' },
  api: { database: 'not ready', bus: 'degraded', presence: 'degraded' },
};

async function verdict(port: string, dependency: Dependency): Promise<string> {
  const since = performance.now();
  const [answer, alive] = await Promise.all(
    ['readyz', 'healthz'].map((path) => fetch(`http://127.0.0.1:${port}/${path}`)),
  );
  if (alive!.status !== 200) return 'dead';
  if (performance.now() - since > 3_000) return 'late';
  const state = (await answer!.json()) as ReadyState;
  if ((state.status === 'ready') !== answer!.ok) return `${answer!.status} with ${state.status}`;
  if (state.missing.includes(dependency)) return 'not ready';
  if (state.missing.length > 0) return `not ready for ${state.missing.join()}`;
  return state.degraded.includes(dependency) ? 'degraded' : 'ready';
}

describe.skipIf(!modes.includes('cluster'))('readiness of a cluster', () => {
  let backends: Backends;
  let muster: Muster;
  const proxies = new Map<Dependency, FaultyProxy>();
  let parts: Map<string, number>;
  let agent: FakeAgent;

  showOnFailure(() => ({ muster: muster?.output }));
  beforeAll(async () => {
    backends = await Backends.start();
    const first = await freePorts(3);
    const env: Record<string, string> = {};
    for (const [index, dependency] of (Object.keys(settings) as Dependency[]).entries()) {
      const url = new URL(backends.env[settings[dependency]]!);
      proxies.set(dependency, await FaultyProxy.start(first + index, Number(url.port)));
      url.port = String(first + index);
      env[settings[dependency]] = url.href;
    }
    muster = await Muster.start({ provokes: logged, mode: 'cluster', withoutNpm: true, env });
    parts = muster.parts;
    [agent] = (await startFakeAgents(muster, 1)) as [FakeAgent];
  });
  afterAll(async () => {
    await agent?.stop();
    await Promise.all([...proxies.values()].map((proxy) => proxy.set(null)));
    await muster?.dispose();
    await Promise.all([...proxies.values()].map((proxy) => proxy.stop()));
    await backends?.dispose();
  });

  const verdicts = async (dependency: Dependency) =>
    Object.fromEntries(
      await Promise.all(
        [...parts].map(async ([name, pid]) => {
          const port = environmentOf(pid, name === 'api' ? 'MUSTER_API_PORT' : 'MUSTER_PROBE_PORT')!;
          return [name, await verdict(port, dependency).catch(String)];
        }),
      ),
    );
  const column = (dependency: Dependency, all?: string) =>
    Object.fromEntries(Object.entries(table).map(([name, row]) => [name, all ?? row[dependency]]));

  /** What people can do although bus or presence are away. */
  async function apiWorks(name: string): Promise<void> {
    await muster.rest.post('configurations', { name, body: 'receivers: {}\n' });
    await muster.rest.put(`fleets/${name}`, { selector: `role=${name}`, priority: 1 });
    expect(await muster.rest.get<{ name: string }>(`configurations/${name}`)).toMatchObject({ name });
    expect(await muster.rest.agents('limit=10')).toHaveLength(1);
  }

  /** What an agent says goes all the way again. */
  async function agentIsHeard(lastError: string): Promise<void> {
    await agent.report({ health: { healthy: false, lastError } });
    await expect.poll(() => muster.rest.agent(uidOf(agent)), soon).toMatchObject({ health: { lastError } });
  }

  for (const dependency of Object.keys(settings) as Dependency[]) {
    test.each(faults)(
      `${dependency} %s: each process says what it cannot do, and recovers`,
      { timeout: 180_000 },
      async (fault) => {
        await expect.poll(() => verdicts(dependency), soon).toEqual(column(dependency, 'ready'));
        await proxies.get(dependency)!.set(fault);
        await expect.poll(() => verdicts(dependency), soon).toEqual(column(dependency));
        if (dependency !== 'database') await apiWorks(`${dependency}-${fault}`);
        await proxies.get(dependency)!.set(null);
        await expect.poll(() => verdicts(dependency), soon).toEqual(column(dependency, 'ready'));
        expect(muster.parts).toEqual(parts);
        await agentIsHeard(`${dependency} was ${fault}`);
      },
    );
  }
});

describe.skipIf(!modes.includes('all-in-one'))('readiness of all-in-one', () => {
  let muster: Muster;
  showOnFailure(() => ({ muster: muster?.output }));
  beforeAll(async () => {
    muster = await Muster.start({ provokes: logged, mode: 'all-in-one', withoutNpm: true });
  });
  afterAll(() => muster?.dispose());

  test('its database hangs: it is not ready until it answers again', { timeout: 120_000 }, async () => {
    const { port } = new URL(muster.url);
    const postgres = descendants(muster.processes('main')[0]!);
    expect(postgres.length).toBeGreaterThan(0);
    const signal = (name: NodeJS.Signals) => postgres.forEach((pid) => process.kill(pid, name));
    await expect.poll(() => verdict(port, 'database'), soon).toBe('ready');
    signal('SIGSTOP');
    try {
      await expect.poll(() => verdict(port, 'database'), soon).toBe('not ready');
    } finally {
      signal('SIGCONT');
    }
    await expect.poll(() => verdict(port, 'database'), soon).toBe('ready');
  });
});
