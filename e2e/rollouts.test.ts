import type { FakeAgent } from '@muster/opamp/fake-agent';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { showOnFailure } from './harness/failure.ts';
import { cutAll, startFakeAgents, uidOf } from './harness/fleet.ts';
import { modes, Muster } from './harness/muster.ts';
import type { Rollout } from './harness/rest-client.ts';

const settled = { timeout: 10_000, interval: 50 };

describe.each(modes)('rollouts, %s', (mode) => {
  let muster: Muster;

  showOnFailure(() => ({ muster: muster?.output }));
  beforeAll(async () => {
    muster = await Muster.start({ mode });
  });
  afterAll(() => muster?.dispose());

  const rollout = (id: string) => () => muster.rest.get<Rollout>(`rollouts/${id}`);
  const seen = (agent: FakeAgent) => () => muster.rest.agent(uidOf(agent));

  /** A fleet of `count` fake agents and a configuration, both named `name`. */
  async function makeFleet(name: string, count: number): Promise<FakeAgent[]> {
    await muster.rest.post('configurations', { name, body: `receivers: {} # ${name} 1\n` });
    await muster.rest.post(`configurations/${name}/versions`, { body: `receivers: {} # ${name} 2\n` });
    await muster.rest.put(`fleets/${name}`, { selector: `fleet=${name}` });
    const agents = await startFakeAgents(muster, count, { attributes: { fleet: name } });
    await expect.poll(() => muster.rest.agents(`fleet=${name}`), settled).toHaveLength(count);
    return agents;
  }

  /** Starts a rollout to the fleet `name`. The policy: nothing is waited for that need not be. */
  async function roll(name: string, version: number, policy: object = {}): Promise<string> {
    const { id } = await muster.rest.post<Rollout>('rollouts', {
      fleet: name,
      configuration: name,
      version,
      policy: { soakSeconds: 0, maxFailed: '0', ...policy },
    });
    return id;
  }

  test('an agent that says nothing stays offered and fails at the deadline', async () => {
    const [agent] = (await makeFleet('mute', 1)) as [FakeAgent];
    agent.onOffer = 'ignore';

    const id = await roll('mute', 1, { applyDeadlineSeconds: 2 });

    await expect.poll(seen(agent), settled).toMatchObject({
      configuration: { status: 'offered', pending: { name: 'mute', version: 1 }, current: null },
    });
    await expect.poll(rollout(id), settled).toMatchObject({ state: 'paused', counts: { failed: 1 } });
    expect(agent.offers).toHaveLength(1);
    await cutAll([agent]);
  });

  test('a wave with a failure is the last; its agent gets the version before, the others never see the bad one', async () => {
    const agents = await makeFleet('waves', 4);
    await expect.poll(rollout(await roll('waves', 1)), settled).toMatchObject({ state: 'completed' });
    for (const agent of agents) agent.onOffer = 'fail';

    const id = await roll('waves', 2, { waves: ['1', '100%'] });

    await expect.poll(rollout(id), settled).toMatchObject({
      state: 'paused',
      counts: { failed: 1, waiting: 3 },
    });
    const failed = agents.filter((agent) => agent.offers.some(({ files }) => files['']?.includes('waves 2')));
    expect(failed).toHaveLength(1);
    expect(failed[0]!.offers.map(({ files }) => files[''])).toEqual([
      'receivers: {} # waves 1\n',
      'receivers: {} # waves 2\n',
      'receivers: {} # waves 1\n',
    ]);
    await expect.poll(seen(failed[0]!), settled).toMatchObject({
      configuration: { status: 'failed', target: { version: 2 }, error: 'does not start' },
    });
    await cutAll(agents);
  });

  test('pause, resume and roll back do what they say', async () => {
    const agents = await makeFleet('steered', 4);
    await expect.poll(rollout(await roll('steered', 1)), settled).toMatchObject({ state: 'completed' });

    const id = await roll('steered', 2, { waves: ['1', '50%', '100%'], soakSeconds: 2 });
    await expect.poll(rollout(id), settled).toMatchObject({ counts: { applied: 1, waiting: 3 } });
    expect(await muster.rest.post(`rollouts/${id}/pause`)).toMatchObject({ state: 'paused' });
    expect((await muster.rest.request('POST', `rollouts/${id}/pause`)).status).toBe(409);
    expect(await muster.rest.post(`rollouts/${id}/resume`)).toMatchObject({ state: 'running' });
    await expect.poll(rollout(id), settled).toMatchObject({ counts: { applied: 2, waiting: 2 } });
    await muster.rest.post(`rollouts/${id}/rollback`);

    await expect.poll(rollout(id), settled).toMatchObject({ state: 'rolledBack' });
    for (const agent of agents) {
      await expect.poll(seen(agent), settled).toMatchObject({
        configuration: { status: 'applied', current: { name: 'steered', version: 1 } },
      });
    }
    await cutAll(agents);
  });
});
