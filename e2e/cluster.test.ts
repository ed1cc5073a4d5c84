import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { killAll } from './harness/child.ts';
import { DeliveryTap } from './harness/delivery-tap.ts';
import { showOnFailure } from './harness/failure.ts';
import { cutAll, fakeAgent, startFakeAgents, uidOf } from './harness/fleet.ts';
import { logged, modes, Muster } from './harness/muster.ts';
import type { Agent, Rollout } from './harness/rest-client.ts';

const agentCount = 30;
/** A process that died is started again after a second; then it has to come up. */
const comeBack = { timeout: 20_000, interval: 100 };
/** What a process had in hand when it died comes again when its 20 s for the acknowledgement are over. */
const redelivered = { timeout: 40_000, interval: 250 };

describe.skipIf(!modes.includes('cluster'))('a cluster of two gateways', () => {
  let muster: Muster;

  showOnFailure(() => ({ muster: muster?.output }));
  beforeAll(async () => {
    muster = await Muster.start({ provokes: logged, mode: 'cluster' });
  });
  afterAll(async () => {
    await muster?.dispose();
  });

  function connectedAgents(role: string): Promise<Agent[]> {
    return muster.rest.agents(`limit=500&status=connected&selector=role=${role}`);
  }

  test('an offer goes to the gateway that holds the agent and to no other, also after it moved', async ({
    onTestFinished,
  }) => {
    const tap = await DeliveryTap.open(muster);
    // A subscriber of a gateway's subject that answers nothing: to others a gateway that is gone looks like one that hangs.
    onTestFinished(() => tap.close());
    const [urlA, urlB] = muster.opamp as [string, string];
    const agent = fakeAgent(muster, 0, { url: urlA });
    await agent.start();
    const seen = () => muster.rest.agent(uidOf(agent));
    await expect.poll(seen, { timeout: 3_000 }).toMatchObject({ connection: { gateway: 'gateway-1' } });

    await muster.rest.post('configurations', { name: 'edge', body: 'receivers: {}\n' });
    await muster.rest.put('fleets/all', { selector: '', configuration: 'edge' });
    await expect
      .poll(seen, { timeout: 5_000 })
      .toMatchObject({ configuration: { status: 'applied', current: { version: 1 } } });
    expect(tap.offers).toEqual(['gateway-1']);

    await agent.connection.cut();
    await agent.reconnect(urlB);
    await muster.rest.post('configurations/edge/versions', { body: 'receivers: {} # new\n' });
    await muster.rest.post('rollouts', { fleet: 'all', configuration: 'edge', version: 2 });
    await expect
      .poll(seen, { timeout: 5_000 })
      .toMatchObject({ configuration: { status: 'applied', current: { version: 2 } } });

    expect(tap.offers).toEqual(['gateway-1', 'gateway-2']);
    expect(agent.offers.map(({ files }) => files[''])).toEqual(['receivers: {}\n', 'receivers: {} # new\n']);
    expect(agent.fullStateAsked).toBe(0);
    expect(await seen()).toMatchObject({ status: 'connected', connection: { gateway: 'gateway-2' } });
    await agent.stop();
  });

  test('a killed gateway: its agents go on at the other one, and it comes back', async () => {
    const agents = await startFakeAgents(muster, agentCount, { attributes: { role: 'moving' } });
    const connected = () => connectedAgents('moving');
    await expect.poll(connected, { timeout: 5_000 }).toHaveLength(agentCount);
    const [urlA, urlB] = muster.opamp as [string, string];
    const onA = agents.filter((agent) => agent.options.url === urlA);

    const killed = muster.part('gateway-1');
    killAll([killed]);
    await Promise.all(onA.map((agent) => agent.reconnect(urlB)));
    const [moved] = onA;
    await moved!.report({ health: { healthy: false, lastError: 'said to the other gateway' } });

    await expect
      .poll(() => muster.rest.agent(uidOf(moved!)), { timeout: 5_000 })
      .toMatchObject({ status: 'connected', healthy: false, connection: { gateway: 'gateway-2' } });
    expect(await connected()).toHaveLength(agentCount);
    await vi.waitFor(async () => {
      expect(muster.part('gateway-1')).not.toBe(killed);
      await onA[0]!.reconnect(urlA);
    }, comeBack);
    await cutAll(agents);
  });

  test('a killed inventory: what agents say meanwhile is written when it is back', async () => {
    const attributes = { role: 'talking' };
    const agents = await startFakeAgents(muster, agentCount, { attributes });
    const connected = () => connectedAgents('talking');
    await expect.poll(connected, { timeout: 5_000 }).toHaveLength(agentCount);

    killAll(muster.processes('inventory'));
    await Promise.all(
      agents.map((agent) => agent.report({ health: { healthy: false, lastError: 'disk full' } })),
    );
    const newcomers = await Promise.all(
      agents
        .map((_, index) => fakeAgent(muster, index, { attributes }))
        .map(async (agent) => {
          await vi.waitFor(() => agent.start(), comeBack); // a gateway may have to ask inventory about the token
          return agent;
        }),
    );

    await expect.poll(connected, redelivered).toHaveLength(2 * agentCount);
    const sick = async () => (await connected()).filter(({ healthy }) => healthy === false);
    await expect.poll(sick, redelivered).toHaveLength(agentCount);
    expect((await sick()).map(({ uid }) => uid).sort()).toEqual(agents.map(uidOf).sort());
    await cutAll([...agents, ...newcomers]);
  });

  test('a killed rollouts process: a rollout under way goes on when it is back', async () => {
    const [agent] = await startFakeAgents(muster, 1, { attributes: { role: 'slow' } });
    agent!.onOffer = 'ignore';
    await muster.rest.post('configurations', { name: 'slow', body: 'exporters: {}\n' });
    await muster.rest.put('fleets/slow', { selector: 'role=slow', priority: 10 });
    await expect
      .poll(() => muster.rest.agents('selector=role=slow'), { timeout: 5_000 })
      .toMatchObject([{ fleet: 'slow' }]);
    const { id } = await muster.rest.post<Rollout>('rollouts', {
      fleet: 'slow',
      configuration: 'slow',
      version: 1,
      policy: { soakSeconds: 0 },
    });
    await agent!.waitUntil(() => agent!.offers.some(({ files }) => files[''] === 'exporters: {}\n'), 10_000);

    killAll([...muster.processes('rollouts'), ...muster.processes('configs')]);
    agent!.onOffer = 'apply';
    const { hash } = agent!.offers.at(-1)!;
    await agent!.report({
      remoteConfigStatus: { lastRemoteConfigHash: Buffer.from(hash, 'hex'), status: 1 },
    });

    await expect
      // a process that died while it acted on the rollout holds its lock for 10 s
      .poll(() => muster.rest.get<Rollout>(`rollouts/${id}`), { ...comeBack, timeout: 40_000 })
      .toMatchObject({ state: 'completed', counts: { applied: 1 } });
    await cutAll([agent!]);
  });
});
