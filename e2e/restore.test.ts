import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FakeAgent } from '@muster/opamp/fake-agent';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Backends } from './harness/backends.ts';
import { showOnFailure } from './harness/failure.ts';
import { cutAll, startFakeAgents, uidOf } from './harness/fleet.ts';
import { logged, modes, Muster } from './harness/muster.ts';
import type { Rollout } from './harness/rest-client.ts';

const agentCount = 20;
const noticed = { timeout: 30_000, interval: 100 };
/** Longer than everything that offers by itself takes to come round. */
const quietMs = 8_000;

interface HoldState {
  hold: { reason: string; agents: { connected: number; reported: number; differ: number } } | null;
}

describe.skipIf(!modes.includes('cluster'))('a database that is restored from a backup', () => {
  let backends: Backends;
  let muster: Muster;
  let agents: FakeAgent[];

  showOnFailure(() => ({ muster: muster?.output }));
  beforeAll(async () => {
    backends = await Backends.start();
    muster = await Muster.start({ provokes: logged, mode: 'cluster', env: backends.env });
    await muster.rest.post('configurations', { name: 'base', body: 'receivers: {} # base 1\n' });
    await muster.rest.put('fleets/all', { selector: '', policy: { perSecond: 2 } });
    agents = await startFakeAgents(muster, agentCount);
  });
  afterAll(async () => {
    if (agents) await cutAll(agents);
    await muster?.dispose();
    await backends?.dispose();
  });

  async function roll(version: number): Promise<void> {
    const { id } = await muster.rest.post<Rollout>('rollouts', {
      fleet: 'all',
      configuration: 'base',
      version,
      policy: { waves: ['100%'], soakSeconds: 0, perSecond: null, jitterSeconds: 0 },
    });
    await expect.poll(() => muster.rest.get(`rollouts/${id}`), noticed).toMatchObject({ state: 'completed' });
  }

  const hold = async () => (await muster.rest.get<HoldState>('offer-hold')).hold;
  const offersOf = (text: string) =>
    agents.flatMap((agent) => agent.offers.filter(({ files }) => files['']?.includes(text))).length;
  /** Hash of what the first agent says it has. */
  const runs = async () => (await muster.rest.agent(uidOf(agents[0]!))).remoteConfigStatus?.hash;
  const statuses = async () =>
    (await muster.rest.agents('limit=100')).map((agent) => agent.configuration.status);

  test(
    'holds offers until an operator says what counts, whatever else is lost',
    { timeout: 180_000 },
    async () => {
      await expect.poll(() => muster.rest.agents('fleet=all&limit=100'), noticed).toHaveLength(agentCount);
      await roll(1);
      expect(await hold()).toBeNull();
      await backends.savePostgres();
      await expect.poll(statuses, noticed).toEqual(Array.from({ length: agentCount }, () => 'applied'));
      await muster.rest.post('configurations/base/versions', { body: 'receivers: {} # base 2\n' });
      await roll(2);
      const offeredBefore = offersOf('base 1');
      const second = await runs();

      await backends.putBackPostgres();
      await expect.poll(hold, noticed).toMatchObject({
        reason: expect.stringContaining('put back'),
        agents: { connected: agentCount, reported: agentCount, differ: agentCount },
      });
      // what agents run is known again: none is shown on a version that it has left
      expect(await runs()).toBe(second);
      expect(new Set(await statuses())).not.toContain('applied');
      const refused = await muster.rest.request('POST', 'rollouts', {
        fleet: 'all',
        configuration: 'base',
        version: 1,
      });
      expect(refused).toMatchObject({ status: 409, json: { code: 'offers-held' } });

      await backends.flushRedis();
      await Promise.all(agents.slice(0, 5).map((agent) => agent.connection.cut()));
      await Promise.all(agents.slice(0, 5).map((agent) => agent.start()));
      await sleep(quietMs);
      expect(offersOf('base 1')).toBe(offeredBefore);

      const released = await muster.rest.post('offer-hold/release', { decision: 'database' });
      expect(released).toMatchObject({ withoutTarget: agentCount, fleets: [] });
      expect(await hold()).toBeNull();
      // one after the other, since the fleet converges at its pace
      await sleep(2_000);
      expect(offersOf('base 1') - offeredBefore).toBeLessThan(agentCount / 2);
      await expect
        .poll(statuses, { ...noticed, timeout: 60_000 })
        .toEqual(Array.from({ length: agentCount }, () => 'applied'));
      expect(offersOf('base 1') - offeredBefore).toBe(agentCount);
      const again = await muster.rest.request('POST', 'offer-hold/release', { decision: 'agents' });
      expect(again).toMatchObject({ status: 409, json: { code: 'no-offer-hold' } });
    },
  );

  test('agents keep what they run where an operator says so', { timeout: 180_000 }, async () => {
    await backends.savePostgres();
    await muster.rest.post('configurations/base/versions', { body: 'receivers: {} # base three\n' });
    await roll(2);
    const offeredBefore = agents.map((agent) => agent.offers.length);
    await backends.putBackPostgres();
    await expect.poll(hold, noticed).toMatchObject({ agents: { reported: agentCount } });

    const released = await muster.rest.post('offer-hold/release', { decision: 'agents' });
    expect(released).toMatchObject({ fleets: ['all'] });
    await sleep(quietMs);
    expect(agents.map((agent) => agent.offers.length)).toEqual(offeredBefore);
    expect(await muster.rest.get('fleets/all')).toMatchObject({ configuration: null, version: null });

    // the lost version is made again, and reaches them by a rollout
    await muster.rest.post('configurations/base/versions', { body: 'receivers: {} # base three\n' });
    await roll(2);
    await expect.poll(statuses, noticed).toEqual(Array.from({ length: agentCount }, () => 'applied'));
  });
});

describe.skipIf(!modes.includes('all-in-one'))('a data directory that is put back', () => {
  let muster: Muster;
  let agents: FakeAgent[];

  showOnFailure(() => ({ muster: muster?.output }));
  beforeAll(async () => {
    muster = await Muster.start({ provokes: logged, mode: 'all-in-one' });
  });
  afterAll(async () => {
    if (agents) await cutAll(agents);
    await muster?.dispose();
  });

  test('is noticed by what agents run, where nothing else remembers', { timeout: 180_000 }, async () => {
    const hold = async () => (await muster.rest.get<HoldState>('offer-hold')).hold;
    const texts = () => agents.map((agent) => agent.offers.map(({ files }) => files['']));
    await muster.rest.post('configurations', { name: 'base', body: 'receivers: {} # base 1\n' });
    await muster.rest.post('configurations/base/versions', { body: 'receivers: {} # base 2\n' });
    await muster.rest.put('fleets/all', { selector: '' });
    agents = await startFakeAgents(muster, 5);
    await expect.poll(() => muster.rest.agents('fleet=all'), noticed).toHaveLength(5);
    const roll = async (version: number) => {
      const policy = { waves: ['100%'], soakSeconds: 0 };
      const { id } = await muster.rest.post<Rollout>('rollouts', {
        fleet: 'all',
        configuration: 'base',
        version,
        policy,
      });
      const rollout = () => muster.rest.get(`rollouts/${id}`);
      await expect.poll(rollout, noticed).toMatchObject({ state: 'completed' });
    };
    const restart = async (between: () => void) => {
      await cutAll(agents);
      await muster.stop();
      between();
      await muster.startAgain();
      await Promise.all(agents.map((agent) => agent.start()));
    };
    const backup = `${muster.dataDir}-backup`;

    await roll(1);
    await restart(() => execFileSync('cp', ['-a', muster.dataDir, backup]));
    // a restart alone is no reason to hold
    await roll(2);
    expect(await hold()).toBeNull();
    const offered = texts();
    await restart(() => {
      execFileSync('rm', ['-rf', muster.dataDir]);
      execFileSync('mv', [backup, muster.dataDir]);
    });

    await expect.poll(hold, { ...noticed, timeout: 60_000 }).toMatchObject({
      reason: expect.stringContaining('never rendered'),
      agents: { connected: 5, reported: 5, unknown: 5 },
    });
    await sleep(3_000);
    expect(texts()).toEqual(offered);
  });
});
