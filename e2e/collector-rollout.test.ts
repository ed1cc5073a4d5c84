import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@muster/platform/local-server';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { realCollector } from './harness/binaries.ts';
import { refusedByCollectors, servesOtlp, servingOtlp } from './harness/collector-config.ts';
import { showOnFailure } from './harness/failure.ts';
import { Live } from './harness/live.ts';
import { modes, Muster } from './harness/muster.ts';
import type { AgentDetail, Rollout } from './harness/rest-client.ts';
import { Supervisor } from './harness/supervisor.ts';

/** What a supervisor takes to believe in a configuration, 5 s, and then some. */
const applyTimeout = { timeout: 20_000, interval: 100 };

interface Problem {
  severity: string;
  message: string;
  agents: string[];
}

/** Where Muster finds the collector that the supervisor runs. */
async function collectorsDir(): Promise<string> {
  if (!realCollector.found) throw new Error(realCollector.reason);
  const directory = await mkdtemp(join(tmpdir(), 'muster-e2e-collectors-'));
  const build = join(directory, 'otelcol', '0.149.0');
  await mkdir(build, { recursive: true });
  await copyFile(realCollector.paths.otelcol, join(build, 'otelcol'));
  return directory;
}

describe.skipIf(!realCollector.found).each(modes)('a real collector and rollouts by REST, %s', (mode) => {
  let muster: Muster;
  let supervisor: Supervisor;
  let uid: string;
  let otlpPort: number;
  let collectors: string;
  const agent = (): Promise<AgentDetail> => muster.rest.agent(uid);
  const rollout = (id: string): Promise<Rollout> => muster.rest.get(`rollouts/${id}`);

  showOnFailure(() => ({ muster: muster?.output, supervisor: supervisor?.logs }));
  beforeAll(async () => {
    collectors = await collectorsDir();
    muster = await Muster.start({ mode, env: { MUSTER_COLLECTORS_DIR: collectors } });
    supervisor = await Supervisor.startVerbose(muster.supervisorYaml);
    uid = await supervisor.uid();
    otlpPort = await freePort();
    await vi.waitFor(
      async () => expect(await muster.rest.agents()).toMatchObject([{ uid, healthy: true }]),
      5_000,
    );
  });
  afterAll(async () => {
    await supervisor?.dispose();
    await muster?.dispose();
    if (collectors) await rm(collectors, { recursive: true });
  });

  test('a configuration goes from offered to applied, and the collector really runs it', async () => {
    const live = await Live.subscribe<{ agentsChanged: { configuration: { status: string } }[] }>(
      muster,
      `subscription { agentsChanged(uid: "${uid}") { configuration { status } } }`,
    );
    await muster.rest.post('configurations', { name: 'edge', body: servingOtlp(otlpPort) });
    await muster.rest.put('fleets/all', { selector: '', configuration: 'edge', policy: { soakSeconds: 0 } });

    await expect.poll(agent, applyTimeout).toMatchObject({
      healthy: true,
      fleet: 'all',
      configuration: {
        status: 'applied',
        current: { name: 'edge', version: 1 },
        pending: null,
        error: null,
      },
    });
    expect(await servesOtlp(otlpPort)).toBe(true);
    expect((await agent()).effectiveConfig?.['']).toContain(`127.0.0.1:${otlpPort}`);
    const { items } = await muster.rest.get<{ items: Rollout[] }>('rollouts?fleet=all');
    await expect
      .poll(() => rollout(items[0]!.id), applyTimeout)
      .toMatchObject({
        state: 'completed',
        counts: { applied: 1, failed: 0 },
      });

    const seen = live.received.flatMap(({ agentsChanged }) =>
      agentsChanged.map((a) => a.configuration.status),
    );
    expect(seen).toContain('applying');
    expect(seen.at(-1)).toBe('applied');
    expect(seen.indexOf('applying')).toBeLessThan(seen.indexOf('applied'));
    await live.stop();
  });

  test('a restart command starts the collector anew', async () => {
    const before = supervisor.collectors;
    expect(before).toHaveLength(1);

    await muster.rest.post(`agents/${uid}/commands`, { command: 'restart' });

    await expect
      .poll(() => supervisor.collectors.filter((pid) => !before.includes(pid)), applyTimeout)
      .toHaveLength(1);
    await expect.poll(() => servesOtlp(otlpPort), applyTimeout).toBe(true);
    await expect.poll(agent, applyTimeout).toMatchObject({ status: 'connected', healthy: true });
  });

  test('the collector says so when it is only asked, with the agents that run it', async () => {
    const ask = async (body: string) =>
      (
        await muster.rest.post<{ problems: Problem[] }>('configurations/edge/validate', {
          fleet: 'all',
          body,
        })
      ).problems;
    expect(await ask(refusedByCollectors)).toContainEqual(
      expect.objectContaining({
        severity: 'error',
        message: expect.stringContaining('teleporter'),
        agents: [uid],
      }),
    );
    expect(await ask(servingOtlp(otlpPort, 'asked'))).toEqual([]);
  });

  test('a configuration that the collector refuses fails, and the collector runs on with the last good one', async () => {
    await muster.rest.post('configurations/edge/versions', { body: refusedByCollectors });
    const { id } = await muster.rest.post<Rollout>('rollouts', {
      fleet: 'all',
      configuration: 'edge',
      version: 2,
    });

    await expect.poll(agent, applyTimeout).toMatchObject({
      status: 'connected',
      healthy: true,
      configuration: {
        status: 'failed',
        target: { name: 'edge', version: 2 },
        current: { name: 'edge', version: 1 },
        error: expect.stringContaining('while applying configuration'),
      },
    });
    await expect
      .poll(() => rollout(id), applyTimeout)
      .toMatchObject({ state: 'paused', counts: { failed: 1, applied: 0 } });
    // it was started anew with the version before
    await expect.poll(agent, applyTimeout).toMatchObject({ remoteConfigStatus: { status: 'applied' } });
    expect(await servesOtlp(otlpPort)).toBe(true);
    expect((await agent()).effectiveConfig?.['']).not.toContain('teleporter');
  });

  test('a refused configuration is never offered again, not even to a supervisor that starts anew', async () => {
    const { configuration } = await agent();
    const refused = configuration.target?.hash;
    const lastGood = configuration.current?.hash;

    await supervisor.stop();
    await expect.poll(agent, { timeout: 5_000 }).toMatchObject({ status: 'disconnected' });
    await supervisor.start();
    await expect.poll(agent, applyTimeout).toMatchObject({
      status: 'connected',
      healthy: true,
      remoteConfigStatus: { hash: lastGood, status: 'applied' },
    });

    await expect.poll(() => servesOtlp(otlpPort), applyTimeout).toBe(true);
    expect(supervisor.offers.filter((hash) => hash === refused)).toHaveLength(1);
  });
});
