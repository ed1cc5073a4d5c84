import { afterEach, beforeEach, expect, it } from 'vitest';
import { agentIdFromBytes } from '@muster/agents/agent-id';
import { createMemoryPresence } from '@muster/agents/presence.memory';
import { BusUnavailable } from '@muster/messages/errors';
import type { FakeWebSocket } from '@muster/opamp/fake-connection';
import { GatewayRig, opampUrl, settle } from './gateway-rig.setup.ts';

let rig: GatewayRig;

beforeEach(async () => {
  rig = new GatewayRig();
  await rig.open();
});

afterEach(() => rig.close());

/** Makes the bus refuse reports until the returned function is called. */
function breakBus(): () => void {
  const publish = rig.bus.publish.bind(rig.bus);
  rig.bus.publish = async () => {
    throw new BusUnavailable('down');
  };
  return () => {
    rig.bus.publish = publish;
  };
}

it('keeps reports while the bus is away, and brings them in order after', async () => {
  const gateway = await rig.gateway();
  const mend = breakBus();
  const agent = rig.agent(gateway);
  await agent.start();
  for (const status of ['one', 'two']) await agent.report({ health: { healthy: true, status } });
  await settle();
  expect(rig.reports).toHaveLength(0);
  mend();
  await rig.until(() => rig.reportsOf(agent).length === 3);
  expect(rig.reportsOf(agent).map(({ sequenceNum }) => sequenceNum)).toEqual([0, 1, 2]);
  expect(agent.fullStateAsked).toBe(0);
});

it('asks agents for their full state when it had to drop what they said', async () => {
  const gateway = await rig.gateway({ outboxBytes: 1_500 });
  const agent = rig.agent(gateway);
  await agent.start();
  await rig.until(() => rig.reportsOf(agent).length === 1);
  const mend = breakBus();
  for (const status of ['a', 'b', 'c'])
    await agent.report({ health: { healthy: true, status: status.repeat(500) } });
  expect(gateway.metrics.reportsDropped).toBeGreaterThan(0);
  expect(agent.fullStateAsked).toBe(0);
  mend();
  await agent.waitUntil(() => agent.fullStateAsked === 1);
  await rig.until(() => rig.reportsOf(agent).some(({ said }) => said.health?.status === 'c'.repeat(500)));
  await agent.heartbeat();
  expect(agent.fullStateAsked).toBe(1);
});

it('does not let the next gateway take for known what was never published', async () => {
  const gateway = await rig.gateway();
  const agent = rig.agent(gateway);
  await agent.start();
  await rig.until(() => rig.reportsOf(agent).length === 1);
  const mend = breakBus();
  await agent.report({ health: { healthy: false, status: 'unpublished' } });
  await agent.cut();
  const other = await rig.gateway({ id: 'gateway-b' });
  await agent.reconnect(opampUrl(other, 'ws'));
  expect(agent.fullStateAsked).toBe(1);
  mend();
});

it('turns agents away while nobody can tell who holds them, and serves them after', async () => {
  const presence = createMemoryPresence();
  const claim = presence.claim.bind(presence);
  await rig.close();
  rig = new GatewayRig(presence);
  await rig.open();
  const gateway = await rig.gateway();
  presence.claim = async () => {
    throw new Error('connection lost');
  };
  const agent = rig.agent(gateway);
  await agent.connect();
  const { closed } = agent.connection as FakeWebSocket;
  await agent.send(agent.state);
  expect(await closed).toBe(1013);
  expect(agent.received[0]!.errorResponse).toMatchObject({ type: 2 });
  const polling = rig.agent(gateway, { http: true });
  await expect(polling.start()).rejects.toMatchObject({
    status: 503,
    retryAfter: expect.any(Number) as number,
  });
  expect(gateway.metrics.agents).toBe(0);
  presence.claim = claim;
  await agent.start();
  expect(agent.received.at(-1)!.errorResponse).toBeFalsy();
});

it('claims its agents again when its lease had run out', async () => {
  const presence = createMemoryPresence();
  await rig.close();
  rig = new GatewayRig(presence);
  await rig.open();
  const renew = presence.renewLease.bind(presence);
  const gateway = await rig.gateway({ leaseTtlMs: 150 });
  const agent = rig.agent(gateway);
  await agent.start();
  await rig.until(() => rig.reportsOf(agent).length === 1);
  presence.renewLease = async () => {
    throw new Error('connection lost');
  };
  await settle(250);
  await presence.endLease('gateway-a');
  presence.renewLease = renew;
  await rig.until(() => rig.reportsOf(agent).length === 2);
  expect(rig.reportsOf(agent)[1]).toMatchObject({ connected: true });
  const id = agentIdFromBytes(agent.uid);
  expect(await presence.locate([id])).toEqual(new Map([[id, 'gateway-a']]));
});
