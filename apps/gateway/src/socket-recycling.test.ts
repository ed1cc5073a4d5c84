import { afterEach, beforeEach, expect, it } from 'vitest';
import type { FakeAgent } from '@muster/opamp/fake-agent';
import type { FakeWebSocket } from '@muster/opamp/fake-connection';
import { configStatus } from '@muster/opamp/opamp';
import { GatewayRig, settle } from './gateway-rig.setup.ts';
import type { RunningGateway } from './start.ts';

const largeBody = Buffer.alloc(20_000, 'x');
const large = { effectiveConfig: { configMap: { configMap: { '': { body: largeBody } } } } };

let rig: GatewayRig;
let gateway: RunningGateway;

beforeEach(async () => {
  rig = new GatewayRig();
  await rig.open();
  gateway = await rig.gateway({ recycleFromBytes: 15_000, recycleAfterMs: 300 });
});

afterEach(() => rig.close());

const closed = (agent: FakeAgent) => (agent.connection as FakeWebSocket).closed;

it('has an agent reconnect once after a large message, which nobody else notices', async () => {
  const agent = rig.agent(gateway);
  await agent.start();
  await agent.report(large);
  expect(await closed(agent)).toBe(1012);
  await agent.reconnect();
  await agent.report({
    effectiveConfig: { configMap: { configMap: { '': { body: Buffer.from(`${largeBody}y`) } } } },
  });
  expect(await Promise.race([closed(agent), settle(2_500)])).toBe(undefined);
  expect(agent.fullStateAsked).toBe(0);
  expect(rig.reportsOf(agent).filter(({ disconnected }) => disconnected)).toEqual([]);
});

it('leaves alone who sent nothing large', async () => {
  const [quiet, loud] = [rig.agent(gateway), rig.agent(gateway)];
  await quiet.start();
  await loud.start();
  await loud.report(large);
  await closed(loud);
  expect(await Promise.race([closed(quiet), quiet.heartbeat()])).toMatchObject({ instanceUid: quiet.uid });
});

it('waits until an agent has said how it took an offer', async () => {
  const agent = rig.agent(gateway, { onOffer: 'ignore' });
  await agent.start();
  await agent.report(large);
  const { hash } = await rig.desire('receivers: {}', agent);
  await agent.waitUntil(() => agent.received.some(({ remoteConfig }) => remoteConfig));
  expect(await Promise.race([closed(agent), settle(2_500)])).toBe(undefined);
  await agent.report({
    remoteConfigStatus: { lastRemoteConfigHash: Buffer.from(hash, 'hex'), status: configStatus.applied },
  });
  expect(await closed(agent)).toBe(1012);
});
