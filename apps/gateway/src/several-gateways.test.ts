import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { agentIdFromBytes } from '@muster/agents/agent-id';
import type { Delivery } from '@muster/messages/delivery';
import { agentCapability } from '@muster/opamp/capabilities';
import type { FakeAgent } from '@muster/opamp/fake-agent';
import type { FakeWebSocket } from '@muster/opamp/fake-connection';
import { AvailableComponents, serverFlag } from '@muster/opamp/opamp';
import { GatewayRig, opampUrl, settle } from './gateway-rig.setup.ts';
import type { RunningGateway } from './start.ts';

let rig: GatewayRig;
let a: RunningGateway;
let b: RunningGateway;
let orders: { gateway: string; delivery: Delivery }[];

beforeEach(async () => {
  rig = new GatewayRig();
  await rig.open();
  a = await rig.gateway({ id: 'gateway-a' });
  b = await rig.gateway({ id: 'gateway-b' });
  orders = [];
  const deliver = rig.delivery.deliver.bind(rig.delivery);
  rig.delivery.deliver = (gateway, delivery) => {
    orders.push({ gateway, delivery });
    return deliver(gateway, delivery);
  };
});

afterEach(() => rig.close());

describe('an agent that moves to another gateway', () => {
  it('goes on with its next message, and its next offer goes there alone', async () => {
    const agent = rig.agent(a);
    await agent.start();
    const first = await rig.desire('first', agent);
    await rig.until(() => rig.reportsOf(agent).some(({ said }) => said.remoteConfigStatus?.status === 1));
    const before = rig.reportsOf(agent).length;
    await agent.cut();
    await agent.reconnect(opampUrl(b, 'ws'));
    const second = await rig.desire('second', agent);
    await agent.waitUntil(() => agent.offers.length === 2);
    expect(agent.offers.map(({ hash }) => hash)).toEqual([first.hash, second.hash]);
    expect(agent.fullStateAsked).toBe(0);
    const offered = orders.filter(({ delivery }) => delivery.kind === 'desiredConfig');
    expect(offered.map(({ gateway }) => gateway)).toEqual(['gateway-a', 'gateway-b']);
    expect([a.metrics.offers, b.metrics.offers]).toEqual([1, 1]);
    // Applying, which tells of the offer too, and applied.
    await rig.until(() => rig.reportsOf(agent).length === before + 2);
    await settle(400);
    expect(rig.reportsOf(agent).some((report) => report.disconnected)).toBe(false);
    expect(a.metrics.agents).toBe(0);
  });

  it('is not news there when nothing changed', async () => {
    const agent = rig.agent(a);
    await agent.start();
    await rig.until(() => rig.reportsOf(agent).length === 1);
    await agent.cut();
    await agent.reconnect(opampUrl(b, 'ws'));
    await agent.report({ health: agent.state.health! });
    await settle(400);
    expect(rig.reportsOf(agent)).toHaveLength(1);
    expect((await rig.presence.locate([agentIdFromBytes(agent.uid)])).get(agentIdFromBytes(agent.uid))).toBe(
      'gateway-b',
    );
  });

  it('is offered there what was lost with its connection', async () => {
    const agent = rig.agent(a, { onOffer: 'ignore' });
    await agent.start();
    await rig.desire('lost', agent);
    await rig.until(() => rig.reportsOf(agent).some((report) => report.offeredConfigHash.length > 0));
    await agent.cut();
    agent.onOffer = 'apply';
    await agent.reconnect(opampUrl(b, 'ws'));
    await agent.waitUntil(() => agent.offers.length === 2);
    expect(agent.fullStateAsked).toBe(0);
  });

  it('is still not offered there what it failed to take', async () => {
    const agent = rig.agent(a, { onOffer: 'fail' });
    await agent.start();
    await rig.desire('bad', agent);
    await rig.until(() => rig.reportsOf(agent).some(({ said }) => said.remoteConfigStatus?.status === 3));
    await agent.cut();
    await agent.reconnect(opampUrl(b, 'ws'));
    await agent.heartbeat();
    expect(agent.offers).toHaveLength(1);
  });
});

it('takes polls of one agent at either gateway', async () => {
  const agent = rig.agent(a, { http: true });
  await agent.start();
  await settle(1_200);
  for (const gateway of [b, a, b]) {
    await agent.reconnect(opampUrl(gateway, 'http'));
    await settle(1_200);
  }
  expect(agent.fullStateAsked).toBe(0);
  expect(rig.reportsOf(agent)).toHaveLength(1);
}, 15_000);

describe('a gateway that stops', () => {
  it('closes its connections with a frame, and no agent that comes up elsewhere is shown offline', async () => {
    const agent = rig.agent(a);
    await agent.start();
    await rig.until(() => rig.reportsOf(agent).length === 1);
    const { closed } = agent.connection as FakeWebSocket;
    const stopping = a.stop();
    expect(await closed).toBe(1001);
    await agent.reconnect(opampUrl(b, 'ws'));
    await stopping;
    await settle();
    expect(agent.fullStateAsked).toBe(0);
    expect(rig.reportsOf(agent).map(({ disconnected }) => disconnected)).toEqual([false]);
  });

  it('shows nobody offline: who has not come back yet may still do so elsewhere', async () => {
    const agents = [rig.agent(a), rig.agent(a, { http: true })];
    for (const agent of agents) await agent.start();
    const leaving = rig.agent(a);
    await leaving.start();
    await leaving.stop();
    const began = Date.now();
    await a.stop();
    expect(Date.now() - began).toBeLessThan(3_000);
    expect(await rig.presence.heldBy('gateway-a')).toEqual([]);
    await agents[0]!.reconnect(opampUrl(b, 'ws'));
    await agents[1]!.reconnect(opampUrl(b, 'http'));
    await settle();
    for (const agent of agents) {
      expect(agent.fullStateAsked).toBe(0);
      expect(rig.reportsOf(agent).map(({ disconnected }) => disconnected)).toEqual([false]);
    }
    expect(rig.reportsOf(leaving).at(-1)).toMatchObject({ disconnected: true });
  });

  it('lets go of its connections over the drain time', async () => {
    const draining = await rig.gateway({ id: 'gateway-c', drainMs: 400 });
    const agents = Array.from({ length: 8 }, () => rig.agent(draining));
    for (const agent of agents) await agent.start();
    const began = Date.now();
    const closedAt = agents.map(async ({ connection }) => {
      await (connection as FakeWebSocket).closed;
      return Date.now() - began;
    });
    await draining.stop();
    const times = (await Promise.all(closedAt)).sort((one, other) => one - other);
    expect(times.at(-1)! - times[0]!).toBeGreaterThan(200);
  });
});

describe('a gateway that died and was started again', () => {
  it('leaves those who did not come back to the upkeep', async () => {
    const [lost, back] = [Buffer.alloc(16, 9), Buffer.alloc(16, 10)];
    const held = [lost, back].map((uid) => ({ agent: agentIdFromBytes(uid), now: Date.now() }));
    await rig.presence.claim('gateway-d', held);
    const gateway = await rig.gateway({ id: 'gateway-d', leaseTtlMs: 600 });
    await rig.agent(gateway, { uid: back }).start();
    const nobody = expect.stringMatching(/^left-/);
    await expect
      .poll(() => rig.presence.locate([agentIdFromBytes(lost)]), { timeout: 5_000 })
      .toEqual(new Map([[agentIdFromBytes(lost), nobody]]));
    expect(await rig.presence.heldBy('gateway-d')).toMatchObject([{ agent: agentIdFromBytes(back) }]);
    await expect.poll(() => rig.presence.expiredGateways(), { timeout: 5_000 }).toEqual([nobody]);
    expect(rig.reports.filter((report) => report.disconnected)).toEqual([]);
  });

  it('leaves them for as long as somebody waits as told', async () => {
    const lost = agentIdFromBytes(Buffer.alloc(16, 9));
    await rig.presence.claim('gateway-d', [{ agent: lost, now: Date.now() }]);
    await rig.presence.expectReturns(60_000);
    const leave = vi.spyOn(rig.presence, 'leave');
    await rig.gateway({ id: 'gateway-d', leaseTtlMs: 200 });
    await expect.poll(() => leave.mock.calls[0]?.[2], { timeout: 5_000 }).toBeGreaterThan(50_000);
    expect(await rig.presence.locate([lost])).toEqual(new Map([[lost, expect.stringMatching(/^left-/)]]));
  });
});

describe('a list of components that many agents name by one hash', () => {
  const hash = Uint8Array.of(1, 2, 3);
  const list = { hash, components: { 'receiver/otlp': {} } };
  const capabilities = agentCapability.ReportsStatus | agentCapability.ReportsAvailableComponents;
  const asks = (agent: FakeAgent) =>
    agent.received.filter(({ flags }) => (Number(flags) & serverFlag.reportAvailableComponents) !== 0).length;
  const listOf = (agent: FakeAgent) =>
    rig.reportsOf(agent).find(({ componentsContent }) => componentsContent.length > 0);

  it('is asked for once in the whole fleet, and reported for all', async () => {
    const agents = [a, b, a, b].map((gateway, i) => rig.agent(gateway, { capabilities, http: i === 3 }));
    for (const agent of agents) {
      agent.state.availableComponents = { hash };
      await agent.start();
    }
    expect(agents.map(asks)).toEqual([1, 0, 0, 0]);
    await agents[0]!.report({ availableComponents: list });
    await rig.until(() => agents.slice(1).every((agent) => listOf(agent) !== undefined), 10_000);
    const content = createHash('sha256').update(AvailableComponents.encode(list).finish()).digest();
    for (const agent of agents.slice(1)) {
      expect(Buffer.from(listOf(agent)!.componentsContent)).toEqual(content);
      expect(Buffer.from(listOf(agent)!.said.availableComponents!.hash!)).toEqual(Buffer.from(hash));
    }
    const late = rig.agent(b, { capabilities });
    late.state.availableComponents = { hash };
    await late.start();
    await rig.until(() => listOf(late) !== undefined);
    for (const agent of [...agents, late]) await agent.heartbeat();
    expect([...agents, late].map(asks)).toEqual([1, 0, 0, 0, 0]);
  }, 20_000);

  it('is not asked for when somebody sent it unasked', async () => {
    const [first, second] = [rig.agent(a, { capabilities }), rig.agent(b, { capabilities })];
    first.state.availableComponents = list;
    await first.start();
    second.state.availableComponents = { hash };
    await second.start();
    await rig.until(() => listOf(second) !== undefined);
    expect([asks(first), asks(second)]).toEqual([0, 0]);
  });
});
