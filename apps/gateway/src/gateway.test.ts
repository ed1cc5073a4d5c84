import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentIdFromBytes } from '@muster/agents/agent-id';
import { agentCapability } from '@muster/opamp/capabilities';
import type { FakeAgent } from '@muster/opamp/fake-agent';
import { FakeWebSocket } from '@muster/opamp/fake-connection';
import { configStatus, serverFlag } from '@muster/opamp/opamp';
import { GatewayRig, opampUrl, settle, token, tokenId } from './gateway-rig.setup.ts';
import type { RunningGateway } from './start.ts';

let rig: GatewayRig;
let gateway: RunningGateway;

beforeEach(async () => {
  rig = new GatewayRig();
  await rig.open();
  gateway = await rig.gateway();
});

afterEach(() => rig.close());

describe.each([{ http: false }, { http: true }])('an agent (plain HTTP: $http)', ({ http }) => {
  it('is answered with uid and capabilities, and its state is reported once', async () => {
    const agent = rig.agent(gateway, { http });
    await agent.start();
    expect(Buffer.from(agent.received[0]!.instanceUid)).toEqual(Buffer.from(agent.uid));
    expect(Number(agent.received[0]!.capabilities)).toBe(0x17);
    await rig.until(() => rig.reportsOf(agent).length === 1);
    const [report] = rig.reportsOf(agent);
    expect(report).toMatchObject({ connected: true, transport: http ? 'http' : 'websocket', sequenceNum: 0 });
    expect(report).toMatchObject({ remoteAddress: '127.0.0.1', enrollmentTokenId: tokenId });
    expect(report!.said.agentDescription!.identifyingAttributes).toHaveLength(2);
    expect(Number(report!.said.capabilities)).toBe(
      Number(agent.options.capabilities ?? report!.said.capabilities),
    );
  });

  it('costs no report for heartbeats, nor for what it said before', async () => {
    const agent = rig.agent(gateway, { http });
    await agent.start();
    for (let i = 0; i < 20; i++) await agent.heartbeat();
    await agent.report({ health: agent.state.health! });
    await settle();
    expect(agent.received).toHaveLength(22);
    expect(agent.fullStateAsked).toBe(0);
    expect(rig.reportsOf(agent)).toHaveLength(1);
  });

  it('has only what changed reported', async () => {
    const agent = rig.agent(gateway, { http });
    await agent.start();
    await agent.report({
      health: { healthy: false, lastError: 'disk full' },
      effectiveConfig: agent.state.effectiveConfig!,
    });
    await rig.until(() => rig.reportsOf(agent).length === 2);
    const { said, connected } = rig.reportsOf(agent)[1]!;
    expect(said.health).toMatchObject({ lastError: 'disk full' });
    expect([said.effectiveConfig, said.agentDescription, connected]).toEqual([null, null, false]);
  });

  it('is asked for its full state once after a gap, and when it is not known', async () => {
    const agent = rig.agent(gateway, { http, obeysFullState: false });
    await agent.connect();
    await agent.heartbeat();
    expect(agent.fullStateAsked).toBe(1);
    await agent.exchange(agent.state);
    await agent.heartbeat();
    expect(agent.fullStateAsked).toBe(1);
    agent.sequenceNum += 5;
    await agent.heartbeat();
    expect(agent.fullStateAsked).toBe(2);
    await agent.heartbeat();
    expect(agent.fullStateAsked).toBe(2);
  });

  it('may start over with its full state without being asked', async () => {
    const agent = rig.agent(gateway, { http });
    await agent.start();
    for (let i = 0; i < 5; i++) await agent.heartbeat();
    await rig.until(() => rig.reportsOf(agent).length === 1);
    agent.sequenceNum = -1;
    await agent.report({ ...agent.state, health: { healthy: false } });
    await rig.until(() => rig.reportsOf(agent).length === 2);
    const [before, after] = rig.reportsOf(agent);
    expect(agent.fullStateAsked).toBe(0);
    expect(after!.epoch).toBeGreaterThan(before!.epoch);
  });

  it('is answered when it sends the same message twice', async () => {
    const agent = rig.agent(gateway, { http });
    await agent.start();
    agent.sequenceNum -= 1;
    await agent.exchange(agent.state);
    await settle();
    expect(agent.fullStateAsked).toBe(0);
    expect(rig.reportsOf(agent)).toHaveLength(1);
  });

  it('keeps what it can when it says nothing of its capabilities', async () => {
    const agent = rig.agent(gateway, { http });
    await agent.start();
    await agent.exchange({ capabilities: 0 });
    await rig.desire('a: 1', agent);
    await agent.exchange({ capabilities: 0 });
    await agent.waitUntil(() => agent.offers.length === 1);
  });

  it('takes a configuration, which is reported as offered, and is not offered it again', async () => {
    const agent = rig.agent(gateway, { http });
    await agent.start();
    const { hash } = await rig.desire('receivers: {}', agent);
    if (http) await agent.heartbeat();
    await agent.waitUntil(() => agent.offers.length === 1);
    expect(agent.offers[0]).toEqual({ hash, files: { '': 'receivers: {}' } });
    const statuses = () => rig.reportsOf(agent).flatMap(({ said }) => said.remoteConfigStatus?.status ?? []);
    await rig.until(() => statuses().includes(configStatus.applied));
    expect(statuses()).toEqual([0, configStatus.applying, configStatus.applied]);
    const offered = rig.reportsOf(agent).filter((report) => report.offeredConfigHash.length > 0);
    expect(offered.map((report) => Buffer.from(report.offeredConfigHash).toString('hex'))).toEqual([hash]);
    for (let i = 0; i < 5; i++) await agent.heartbeat();
    expect(agent.offers).toHaveLength(1);
    expect(gateway.metrics.offers).toBe(1);
  });

  it('is reported as offered its configuration although it says nothing', async () => {
    const agent = rig.agent(gateway, { http, onOffer: 'ignore' });
    await agent.start();
    const { hash } = await rig.desire('receivers: {}', agent);
    if (http) await agent.heartbeat();
    const offered = () =>
      rig
        .reportsOf(agent)
        .map((report) => Buffer.from(report.offeredConfigHash).toString('hex'))
        .filter((text) => text !== '');
    await rig.until(() => offered().length > 0);
    await settle(1_200);
    expect(offered()).toEqual([hash]);
  });

  it('is asked for the components behind a new hash, once', async () => {
    const hash = Uint8Array.of(1, 2, 3);
    const capabilities = agentCapability.ReportsStatus | agentCapability.ReportsAvailableComponents;
    const agent = rig.agent(gateway, { http, capabilities });
    agent.state.availableComponents = { hash };
    await agent.start();
    expect(Number(agent.received[0]!.flags)).toBe(serverFlag.reportAvailableComponents);
    await agent.report({ availableComponents: { hash, components: { 'receiver/otlp': {} } } });
    await agent.report({ availableComponents: { hash } });
    expect(agent.received.slice(1).map(({ flags }) => Number(flags))).toEqual([0, 0]);
    await settle();
    const lists = rig.reportsOf(agent).map(({ said }) => said.availableComponents?.components ?? {});
    expect(lists).toEqual([{}, { 'receiver/otlp': expect.anything() }]);
  });

  it('is offered its configuration with the answer when it reports another after all', async () => {
    const agent = rig.agent(gateway, { http });
    await agent.start();
    const { hash } = await rig.desire('a: 1', agent);
    if (http) await agent.heartbeat();
    await agent.waitUntil(() => agent.offers.length === 1);
    // The first state, the offer, and what the agent said of it twice.
    await agent.waitUntil(() => agent.received.length === 4);
    agent.onOffer = 'ignore';
    const other = { lastRemoteConfigHash: Buffer.alloc(32, 1), status: configStatus.applied };
    const answer = await agent.report({ remoteConfigStatus: other });
    expect(Buffer.from(answer.remoteConfig!.configHash!).toString('hex')).toBe(hash);
    expect((await agent.heartbeat()).remoteConfig).toBeNull();
    await agent.cut();
    await agent.connect();
    const back = await agent.report({ remoteConfigStatus: other });
    expect(Buffer.from(back.remoteConfig!.configHash!).toString('hex')).toBe(hash);
  });

  it('is not sent its configuration without end while it reports another', async () => {
    const agent = rig.agent(gateway, { http, onOffer: 'ignore' });
    await agent.start();
    await rig.desire('a: 1', agent);
    const other = { lastRemoteConfigHash: Buffer.alloc(32, 1), status: configStatus.applied };
    for (let i = 0; i < 20; i++) await agent.report({ remoteConfigStatus: other });
    await agent.waitUntil(() => agent.received.length >= 21);
    expect(agent.offers).toHaveLength(http ? 4 : 1);
  });

  it('is offered once while it says nothing, and again when it comes back', async () => {
    const agent = rig.agent(gateway, { http, onOffer: 'ignore' });
    await agent.start();
    await rig.desire('a: 1', agent);
    for (let i = 0; i < 5; i++) await agent.heartbeat();
    await agent.waitUntil(() => agent.offers.length === 1);
    if (http) return;
    await agent.cut();
    await agent.reconnect();
    expect(agent.offers).toHaveLength(2);
  });

  it('is offered again what it said nothing of when nothing was desired in between', async () => {
    const agent = rig.agent(gateway, { http, onOffer: 'ignore' });
    await agent.start();
    const { hash } = await rig.desire('a: 1', agent);
    if (http) await agent.heartbeat();
    await agent.waitUntil(() => agent.offers.length === 1);
    const [[, holder] = []] = await rig.presence.locate([agentIdFromBytes(agent.uid)]);
    const none = new Uint8Array();
    const nothing = { kind: 'desiredConfig' as const, configHash: none, remoteConfig: none };
    await rig.delivery.deliver(holder!, { ...nothing, instanceUids: agent.uid });
    await rig.desire('a: 1', agent);
    if (http) await agent.heartbeat();
    await agent.waitUntil(() => agent.offers.length === 2);
    expect(agent.offers.map((offer) => offer.hash)).toEqual([hash, hash]);
  });

  it('is offered again what it has been applying for ever, and not what it has applied', async () => {
    const agent = rig.agent(gateway, { http, onOffer: 'ignore' });
    await agent.start();
    const { hash } = await rig.desire('a: 1', agent);
    if (http) await agent.heartbeat();
    await agent.waitUntil(() => agent.offers.length === 1);
    const lastRemoteConfigHash = Buffer.from(hash, 'hex');
    const say = (status: number) => agent.report({ remoteConfigStatus: { lastRemoteConfigHash, status } });
    await say(configStatus.applying);
    const [[, holder] = []] = await rig.presence.locate([agentIdFromBytes(agent.uid)]);
    const none = new Uint8Array();
    const offerAgain = async () => {
      const nothing = { kind: 'desiredConfig' as const, configHash: none, remoteConfig: none };
      await rig.delivery.deliver(holder!, { ...nothing, instanceUids: agent.uid });
      await rig.desire('a: 1', agent);
      if (http) await agent.heartbeat();
    };
    await offerAgain();
    await agent.waitUntil(() => agent.offers.length === 2);
    for (let i = 0; i < 5; i++) await say(configStatus.applying);
    await say(configStatus.applied);
    await offerAgain();
    await agent.heartbeat();
    expect(agent.offers.map((offer) => offer.hash)).toEqual([hash, hash]);
  });

  /** An agent that has applied one config, and says nothing of the offer of another. */
  async function silentOnSecond() {
    const agent = rig.agent(gateway, { http });
    await agent.start();
    const first = await rig.desire('a: 1', agent);
    if (http) await agent.heartbeat();
    await agent.waitUntil(() => agent.received.length === 4);
    agent.onOffer = 'ignore';
    const second = await rig.desire('a: 2', agent);
    if (http) await agent.heartbeat();
    await agent.waitUntil(() => agent.offers.length === 2);
    return { agent, first, second };
  }

  it('is offered again what it said nothing of when another was desired in between', async () => {
    const { agent, first, second } = await silentOnSecond();
    // Nothing is sent: it has reported this all along.
    await rig.desire('a: 1', agent);
    await agent.heartbeat();
    expect(agent.offers).toHaveLength(2);
    for (let i = 0; i < 3; i++) await rig.desire('a: 2', agent);
    if (http) await agent.heartbeat();
    await agent.waitUntil(() => agent.offers.length === 3);
    for (let i = 0; i < 3; i++) await agent.heartbeat();
    expect(agent.offers.map((offer) => offer.hash)).toEqual([first.hash, second.hash, second.hash]);
  });

  it('is taken back from what it was offered when it says that it has that after all', async () => {
    const { agent, first, second } = await silentOnSecond();
    await rig.desire('a: 1', agent);
    const lastRemoteConfigHash = Buffer.from(second.hash, 'hex');
    await agent.report({ remoteConfigStatus: { lastRemoteConfigHash, status: configStatus.applying } });
    await agent.waitUntil(() => agent.offers.length === 3);
    expect(agent.offers.map((offer) => offer.hash)).toEqual([first.hash, second.hash, first.hash]);
  });

  it('is never offered again what it failed to take', async () => {
    const agent = rig.agent(gateway, { http, onOffer: 'fail' });
    await agent.start();
    const { hash } = await rig.desire('bad', agent);
    if (http) await agent.heartbeat();
    await rig.until(() =>
      rig.reportsOf(agent).some(({ said }) => said.remoteConfigStatus?.status === configStatus.failed),
    );
    agent.onOffer = 'apply';
    const good = await rig.desire('good', agent);
    if (http) await agent.heartbeat();
    await agent.waitUntil(() => agent.offers.length === 2);
    const again = await rig.desire('bad', agent);
    expect(again.receipts[0]!.refused[0]!.reason).toContain('FAILED');
    await agent.heartbeat();
    expect(agent.offers.map((offer) => offer.hash)).toEqual([hash, good.hash]);
  });

  it('is not offered what it cannot take, until it can', async () => {
    const agent = rig.agent(gateway, { http, capabilities: agentCapability.ReportsStatus });
    await agent.start();
    const { receipts } = await rig.desire('a: 1', agent);
    expect(receipts[0]!.refused[0]!.reason).toContain('does not accept');
    await agent.heartbeat();
    expect(agent.offers).toHaveLength(0);
    agent.options.capabilities = agentCapability.ReportsStatus | agentCapability.AcceptsRemoteConfig;
    await agent.heartbeat();
    await agent.waitUntil(() => agent.offers.length === 1);
  });

  it('is offered what was decided while it was away, with the first answer', async () => {
    const agent = rig.agent(gateway, { http });
    await agent.start();
    await agent.stop();
    await rig.until(() => rig.reportsOf(agent).some((report) => report.disconnected));
    await rig.desire('later', agent);
    await agent.reconnect();
    expect(agent.received.at(-1)!.remoteConfig).toBeTruthy();
    expect(agent.fullStateAsked).toBe(0);
  });

  it('is gone at once when it says so, and back when it speaks again', async () => {
    const agent = rig.agent(gateway, { http });
    await agent.start();
    await agent.exchange({ agentDisconnect: {} });
    await rig.until(() => rig.reportsOf(agent).some((report) => report.disconnected));
    expect(await rig.presence.locate([agentIdFromBytes(agent.uid)])).toEqual(new Map());
    await agent.heartbeat();
    await rig.until(() => rig.reportsOf(agent).filter((report) => report.connected).length === 2);
    expect(agent.fullStateAsked).toBe(0);
  });

  it('gets a new uid when it asks for one, the same when it asks again', async () => {
    const agent = rig.agent(gateway, { http });
    await agent.connect();
    const zero = Buffer.alloc(16);
    agent.uid = zero;
    const fields = { flags: 1, sequenceNum: 0 };
    const answers = [];
    for (let i = 0; i < 2; i++) {
      answers.push(await agent.exchange(fields));
      agent.uid = zero;
    }
    const [first, second] = answers.map(({ agentIdentification }) =>
      Buffer.from(agentIdentification!.newInstanceUid!),
    );
    expect(first).toEqual(second);
    expect(first![6]! >> 4).toBe(7);
    expect(gateway.metrics.agents).toBe(0);
  });

  it('hears what is wrong with a uid', async () => {
    const agent = rig.agent(gateway, { http });
    await agent.connect();
    for (const length of [0, 15, 26]) {
      const before = agent.received.length;
      agent.uid = new Uint8Array(0);
      await agent.send({ instanceUid: Buffer.alloc(length, 1) });
      await agent.waitUntil(() => agent.received.length > before);
      expect(agent.received.at(-1)!.errorResponse).toEqual(
        expect.objectContaining({ type: 1, errorMessage: `instance_uid: ${length} bytes, want 16` }),
      );
    }
  });

  it('is restarted by a command that comes alone, once', async () => {
    const agent = rig.agent(gateway, { http });
    await agent.start();
    const receipt = await rig.delivery.deliver('gateway-a', { kind: 'restart', instanceUids: agent.uid });
    expect(receipt).toEqual({ notHeld: Buffer.alloc(0), refused: [] });
    if (http) await agent.heartbeat();
    await agent.waitUntil(() => agent.restarts === 1);
    expect(agent.received.at(-1)).toMatchObject({ command: {}, remoteConfig: null });
    await agent.heartbeat();
    expect(agent.restarts).toBe(1);
  });
});

describe('the receipt of an order', () => {
  it('names agents that are not here and those that cannot take it', async () => {
    const agent = rig.agent(gateway, { capabilities: agentCapability.ReportsStatus });
    await agent.start();
    const stranger = Buffer.alloc(16, 7);
    const receipt = await rig.delivery.deliver('gateway-a', {
      kind: 'restart',
      instanceUids: Buffer.concat([stranger, agent.uid]),
    });
    expect(Buffer.from(receipt.notHeld)).toEqual(stranger);
    expect(receipt.refused).toEqual([
      { instanceUid: agent.uid, reason: 'the agent does not accept a restart command' },
    ]);
  });

  it('comes with the connection closed when that was the order', async () => {
    const agent = rig.agent(gateway);
    await agent.start();
    const { closed } = agent.connection as FakeWebSocket;
    await rig.delivery.deliver('gateway-a', {
      kind: 'disconnect',
      instanceUids: agent.uid,
      reason: 'deleted',
    });
    expect(await closed).toBe(1000);
    await rig.until(() => rig.reportsOf(agent).some((report) => report.disconnected));
  });
});

describe('a broken connection', () => {
  it('leaves the agent connected for the grace, then reports it gone', async () => {
    const agent = rig.agent(gateway);
    await agent.start();
    await rig.until(() => rig.reportsOf(agent).length === 1);
    await agent.cut();
    await settle(100);
    expect(rig.reportsOf(agent)).toHaveLength(1);
    await rig.until(() => rig.reportsOf(agent).length === 2);
    expect(rig.reportsOf(agent)[1]).toMatchObject({ disconnected: true });
    expect(gateway.metrics.agents).toBe(0);
  });

  it('in a crowd ends no grace while others of the crowd come back', { timeout: 30_000 }, async () => {
    const patient = await rig.gateway({ id: 'gateway-p', graceMs: 1_000 });
    const agents = Array.from({ length: 200 }, () => rig.agent(patient));
    await Promise.all(agents.map((agent) => agent.start()));
    await Promise.all(agents.map((agent) => agent.cut()));
    const [lost, ...returning] = agents;
    // Most come back when the grace is long over, the last when few are still missing.
    for (const agent of returning.slice(0, 190)) {
      await settle(15);
      await agent.reconnect();
    }
    expect(gone(agents)).toEqual([]);
    await Promise.all(returning.slice(190).map((agent) => agent.reconnect()));
    await rig.until(() => gone(agents).length > 0, 10_000);
    expect(gone(agents)).toEqual([lost]);
  });

  it('is no news when the agent is back within the grace', async () => {
    const agent = rig.agent(gateway);
    await agent.start();
    await rig.until(() => rig.reportsOf(agent).length === 1);
    await agent.cut();
    await agent.reconnect();
    await settle(400);
    expect(rig.reportsOf(agent)).toHaveLength(1);
    expect(agent.fullStateAsked).toBe(0);
  });

  it('is taken over by a newer one, and closed with a frame', async () => {
    const agent = rig.agent(gateway);
    await agent.start(await rig.connection(gateway, { autoPong: false }));
    const old = agent.connection as FakeWebSocket;
    await agent.reconnect();
    expect(await old.closed).toBe(1008);
    await rig.desire('a: 1', agent);
    await agent.waitUntil(() => agent.offers.length === 1);
    expect(gateway.metrics).toMatchObject({ agents: 1, connections: 1 });
  });
});

describe('agents that share a connection', () => {
  it('are told apart', async () => {
    const connection = await FakeWebSocket.open(opampUrl(gateway, 'ws'), {
      authorization: `Bearer ${token}`,
    });
    const agents = [rig.agent(gateway), rig.agent(gateway), rig.agent(gateway)];
    for (const agent of agents) await agent.start(connection);
    for (let i = 0; i < 3; i++) for (const agent of agents) await agent.heartbeat();
    expect(agents.map((agent) => [agent.fullStateAsked, agent.received.length])).toEqual([
      [0, 4],
      [0, 4],
      [0, 4],
    ]);
    await rig.desire('a: 1', agents[1]!);
    await agents[1]!.waitUntil(() => agents[1]!.offers.length === 1);
    expect(agents.map((agent) => agent.offers.length)).toEqual([0, 1, 0]);
    await agents[0]!.exchange({ agentDisconnect: {} });
    await rig.until(() => gone(agents).length === 1);
    await connection.cut();
    await rig.until(() => gone(agents).length === 3);
  });
});

function gone(agents: FakeAgent[]): FakeAgent[] {
  return agents.filter((agent) => rig.reportsOf(agent).some((report) => report.disconnected));
}

it('answers a burst in order', async () => {
  const agent = rig.agent(gateway);
  await agent.connect();
  void agent.send(agent.state);
  for (let i = 0; i < 199; i++) void agent.send({ health: { healthy: true, status: String(i) } });
  await agent.waitUntil(() => agent.received.length === 200);
  expect(agent.fullStateAsked).toBe(0);
  await rig.until(() => rig.reportsOf(agent).length === 200);
  expect(rig.reportsOf(agent).map((report) => report.sequenceNum)).toEqual(
    Array.from({ length: 200 }, (_, i) => i),
  );
});
