import type { FakeAgent } from '@muster/opamp/fake-agent';
import { configStatus } from '@muster/opamp/opamp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Backends } from './harness/backends.ts';
import { killAll } from './harness/child.ts';
import { showOnFailure } from './harness/failure.ts';
import { cutAll, startFakeAgents } from './harness/fleet.ts';
import { logged, modes, Muster } from './harness/muster.ts';
import type { Page, Rollout } from './harness/rest-client.ts';

const count = 40;
/** The clock of rollouts is wound up again twice a minute; a busy machine takes its time. */
const soon = { timeout: 90_000, interval: 50 };

interface RolloutEvent {
  kind: string;
  detail: { wave?: number };
}

describe.skipIf(!modes.includes('cluster'))('a rollout under way', () => {
  let backends: Backends;
  let muster: Muster;
  let agents: FakeAgent[];

  showOnFailure(() => ({ muster: muster?.output }));
  beforeAll(async () => {
    backends = await Backends.start();
    muster = await Muster.start({ provokes: logged, mode: 'cluster', withoutNpm: true, env: backends.env });
    await muster.rest.post('configurations', { name: 'tough', body: 'receivers: {} # tough 1\n' });
    await muster.rest.put('fleets/tough', { selector: 'fleet=tough' });
    agents = await startFakeAgents(muster, count, { attributes: { fleet: 'tough' } });
  });
  afterAll(async () => {
    await cutAll(agents ?? []);
    await muster?.dispose();
    await backends?.dispose();
  });

  /** Agents that were offered something and have not answered. */
  function holding(): FakeAgent[] {
    return agents.filter(({ offers, state }) => {
      const answered = Buffer.from(state.remoteConfigStatus?.lastRemoteConfigHash ?? []).toString('hex');
      return offers.length > 0 && offers.at(-1)!.hash !== answered;
    });
  }

  async function answer(some: readonly FakeAgent[]): Promise<void> {
    for (const agent of some) {
      const lastRemoteConfigHash = Buffer.from(agent.offers.at(-1)!.hash, 'hex');
      await agent.report({ remoteConfigStatus: { lastRemoteConfigHash, status: configStatus.applied } });
    }
  }

  /** Starts one, and does one thing in the middle of each wave: some agents have answered then, others hold theirs. */
  async function rollWhile(version: number, faults: (() => Promise<void>)[]) {
    for (const agent of agents) agent.onOffer = 'ignore';
    const { id } = await muster.rest.post<Rollout>('rollouts', {
      fleet: 'tough',
      configuration: 'tough',
      version,
      policy: {
        waves: ['2', '50%', '100%'],
        perSecond: 4,
        soakSeconds: 0,
        applyDeadlineSeconds: 600,
        // While Redis has forgotten who is there some are taken for offline.
        maxDisconnected: null,
      },
    });
    const rollout = () => muster.rest.get<Rollout>(`rollouts/${id}`);
    const ends = [2, count / 2, count];
    for (const [wave, fault] of faults.entries()) {
      const before = ends[wave - 1] ?? 0;
      await expect.poll(() => holding().length, soon).toBeGreaterThan((ends[wave]! - before) / 4);
      await answer(holding().slice(1));
      expect(await rollout()).toMatchObject({ state: 'running', wave });
      await fault();
      const reached = () => agents.filter(({ offers }) => offers.length > 0).length;
      await expect.poll(reached, soon).toBe(ends[wave]);
      await answer(holding());
    }
    await expect.poll(rollout, soon).toMatchObject({ state: 'completed', counts: { applied: count } });
    return id;
  }

  async function wavesOf(id: string, kind: string) {
    const { items } = await muster.rest.get<Page<RolloutEvent>>(`rollouts/${id}/events`);
    return items.filter((event) => event.kind === kind).map(({ detail }) => detail.wave);
  }

  /** What each agent was offered of this version, how often. */
  function offersOf(version: number) {
    return agents.map(
      ({ offers }) => offers.filter(({ files }) => files['']?.includes(`tough ${version}`)).length,
    );
  }

  async function killEngine(): Promise<void> {
    const killed = muster.part('rollouts');
    killAll([killed]);
    const replaced = () => {
      const pid = muster.parts.get('rollouts');
      return pid !== undefined && pid !== killed;
    };
    await expect.poll(replaced, soon).toBe(true);
  }

  test('survives that its engine is killed and that Redis forgets everything, in the middle of waves', async () => {
    await expect.poll(() => muster.rest.agents('fleet=tough'), soon).toHaveLength(count);
    const id = await rollWhile(1, [killEngine, () => backends.flushRedis(), killEngine]);
    expect(await wavesOf(id, 'waveStarted')).toEqual([0, 1, 2]);
    expect(await wavesOf(id, 'wavePassed')).toEqual([0, 1]);
    expect(offersOf(1)).toEqual(agents.map(() => 1));
  }, 240_000);

  test('goes back in whole though its engine is killed', async () => {
    await muster.rest.post('configurations/tough/versions', { body: 'receivers: {} # tough 2\n' });
    for (const agent of agents) agent.onOffer = 'apply';
    const bad = agents.at(-1)!;
    bad.onOffer = 'fail';
    const { id } = await muster.rest.post<Rollout>('rollouts', {
      fleet: 'tough',
      configuration: 'tough',
      version: 2,
      policy: {
        waves: ['100%'],
        perSecond: 20,
        soakSeconds: 0,
        applyDeadlineSeconds: 20,
        onBreach: 'rollback',
      },
    });
    const state = async () => (await muster.rest.get<Rollout>(`rollouts/${id}`)).state;
    await expect.poll(state, soon).toBe('rollingBack');
    bad.onOffer = 'apply';
    await killEngine();
    await expect.poll(state, soon).toBe('rolledBack');
    for (const { offers } of agents) expect(offers.at(-1)!.files['']).toContain('tough 1');
    expect(offersOf(2).every((offered) => offered <= 1)).toBe(true);
  }, 240_000);
});
