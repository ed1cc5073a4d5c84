import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentIdFromBytes } from '@muster/agents/agent-id';
import type { Presence } from '@muster/agents/presence';
import type { FakeAgent } from '@muster/opamp/fake-agent';
import type { FakeWebSocket } from '@muster/opamp/fake-connection';
import { GatewayRig, opampUrl, settle, tokenId } from './gateway-rig.setup.ts';
import type { RunningGateway } from './start.ts';

/** Requests for another instance_uid (AgentToServer.flags). */
const requestInstanceUid = 1;

/** Which agent is which, on two gateways that share a Presence: moves, new uids, two clients with one uid. */
export function identityContract(openPresence: () => Promise<Presence>): void {
  let rig: GatewayRig;
  let a: RunningGateway;
  let b: RunningGateway;

  beforeEach(async () => {
    rig = new GatewayRig(await openPresence());
    await rig.open();
    a = await rig.gateway({ id: 'gateway-a', graceMs: 1_000 });
    b = await rig.gateway({ id: 'gateway-b', graceMs: 1_000 });
  });
  afterEach(async () => {
    await rig.close();
    await rig.presence.close();
  });

  const idOf = ({ uid }: FakeAgent) => agentIdFromBytes(uid);
  const holderOf = async (agent: FakeAgent) => (await rig.presence.locate([idOf(agent)])).get(idOf(agent));
  const offline = () => rig.reports.filter(({ disconnected }) => disconnected);

  describe('an agent that moves within milliseconds of a report', () => {
    it('is not asked for its full state', async () => {
      const agents = Array.from({ length: 10 }, () => rig.agent(a));
      for (const agent of agents) await agent.start();
      // Its report is still on its way to the bus when it comes up at the other gateway.
      rig.storing = settle(100);
      await Promise.all(
        agents.map(async (agent, index) => {
          await agent.report({ health: { healthy: false, lastError: `error ${index}` } });
          await agent.cut();
          await agent.reconnect(opampUrl(b, 'ws'));
          await agent.heartbeat();
        }),
      );
      expect(agents.map(({ fullStateAsked }) => fullStateAsked)).toEqual(agents.map(() => 0));
      const errors = () =>
        rig.reports.filter(({ agentToServer }) => Buffer.from(agentToServer).includes('error 7'));
      await rig.until(() => errors().length === 1);
      expect(offline()).toEqual([]);
    });

    it('nor when it leaves an open socket behind', async () => {
      const agent = rig.agent(a);
      await agent.start(await rig.connection(a, { autoPong: false }));
      const left = agent.connection as FakeWebSocket;
      for (let i = 0; i < 3; i++) await agent.heartbeat();
      await agent.reconnect(opampUrl(b, 'ws'));
      expect(agent.fullStateAsked).toBe(0);
      expect(await left.closed).toBe(1008);
      expect(await holderOf(agent)).toBe('gateway-b');
    });
  });

  describe('two live clients with one uid', () => {
    const places = [
      { where: 'on one gateway', second: () => a, http: false },
      { where: 'on two gateways', second: () => b, http: false },
      { where: 'on one gateway, the second over plain HTTP', second: () => a, http: true },
      { where: 'on two gateways, the second over plain HTTP', second: () => b, http: true },
    ];
    it.each(places)('are told apart $where: the newcomer gets another', async ({ second, http }) => {
      const first = rig.agent(a);
      await first.start();
      for (let i = 0; i < 3; i++) await first.heartbeat();
      await rig.until(() => rig.reportsOf(first).length === 1);
      const uid = Buffer.from(first.uid);
      const began = Date.now();
      const newcomer = rig.agent(second(), { uid, http });
      await newcomer.start();
      await newcomer.waitUntil(() => !uid.equals(newcomer.uid));
      expect(Date.now() - began).toBeLessThan(3_000);
      expect(newcomer.uid[6]! >> 4).toBe(7);
      // Each goes on as an agent of its own.
      for (let i = 0; i < 3; i++) await Promise.all([first.heartbeat(), newcomer.heartbeat()]);
      expect(Buffer.from(first.uid)).toEqual(uid);
      expect(first.fullStateAsked).toBe(0);
      expect(newcomer.fullStateAsked).toBeLessThanOrEqual(1);
      expect([await holderOf(first), await holderOf(newcomer)]).toEqual([
        'gateway-a',
        second() === a ? 'gateway-a' : 'gateway-b',
      ]);
      await rig.until(() => rig.reidentified.length > 0);
      expect(rig.reidentified).toMatchObject([
        { former: agentIdFromBytes(uid), uid: idOf(newcomer), reason: 'duplicate' },
      ]);
      expect(offline()).toEqual([]);
      expect(rig.reportsOf(first)).toHaveLength(1);
      expect((await rig.desire('a: 1', first)).receipts).toHaveLength(1);
      await first.waitUntil(() => first.offers.length === 1);
    });

    it('are told apart by their numbers when both poll, the second one at either gateway', async () => {
      const first = rig.agent(a, { http: true });
      await first.start();
      for (let i = 0; i < 4; i++) await first.heartbeat();
      for (const second of [a, b]) {
        const uid = Buffer.from(first.uid);
        const newcomer = rig.agent(second, { uid, http: true });
        await newcomer.start();
        for (let i = 0; i < 3; i++) {
          await first.heartbeat();
          await newcomer.heartbeat();
        }
        expect(uid.equals(first.uid)).toBe(true);
        expect(uid.equals(newcomer.uid)).toBe(false);
      }
      await rig.until(() => rig.reidentified.length === 2);
      expect(first.fullStateAsked).toBeLessThanOrEqual(2);
    });

    it('one that carries another credential is a newcomer even when its number follows', async () => {
      const first = rig.agent(a);
      await first.start();
      rig.verdict = {
        accepted: true,
        enrollmentTokenId: tokenId.replace('1', '2'),
        expiresAt: null,
        limited: false,
      };
      const other = await rig.gateway({ id: 'gateway-c' });
      const newcomer = rig.agent(other, { uid: first.uid });
      newcomer.sequenceNum = first.sequenceNum;
      await newcomer.start();
      await newcomer.waitUntil(() => !Buffer.from(first.uid).equals(newcomer.uid));
    });
  });

  describe('a reconnect is no second client', () => {
    it.each([
      { where: 'the same gateway', second: () => a },
      { where: 'another gateway', second: () => b },
    ])('when it overtakes the close of the old connection, at $where', async ({ second }) => {
      const agent = rig.agent(a);
      await agent.start();
      const old = agent.connection;
      // A restarted agent, so that its number tells nothing.
      agent.sequenceNum = -1;
      agent.options.url = opampUrl(second(), 'ws');
      const started = agent.start();
      await settle(200);
      await old.close();
      await started;
      expect(agent.received.at(-1)!.agentIdentification).toBeNull();
      expect(rig.reidentified).toEqual([]);
      expect(await holderOf(agent)).toBe(second() === a ? 'gateway-a' : 'gateway-b');
      await settle(1_200);
      expect(offline()).toEqual([]);
    });

    it.each([
      { where: 'the same gateway', second: () => a },
      { where: 'another gateway', second: () => b },
    ])('when the old connection hangs in the air, at $where', async ({ second }) => {
      const agent = rig.agent(a);
      await agent.start(await rig.connection(a, { autoPong: false }));
      const left = agent.connection as FakeWebSocket;
      const began = Date.now();
      agent.sequenceNum = -1;
      agent.options.url = opampUrl(second(), 'ws');
      await agent.start();
      expect(Date.now() - began).toBeLessThan(3_000);
      expect(await left.closed).toBe(1008);
      expect(agent.received.at(-1)!.agentIdentification).toBeNull();
      await rig.desire('a: 1', agent);
      await agent.waitUntil(() => agent.offers.length === 1);
      expect([rig.reidentified, offline()]).toEqual([[], []]);
    });

    it('when its gateway is gone', async () => {
      const agent = rig.agent(b);
      const id = idOf(agent);
      await rig.presence.claim('gateway-dead', [{ agent: id, now: Date.now() }]);
      await agent.start();
      expect(agent.received.at(-1)!.agentIdentification).toBeNull();
      expect(await holderOf(agent)).toBe('gateway-b');
    });
  });

  describe.each([{ http: false }, { http: true }])(
    'a known agent that asks for a uid (plain HTTP: $http)',
    ({ http }) => {
      it('gets one, the same when it asks again, and stays the same agent', async () => {
        const agent = rig.agent(a, { http });
        await agent.start();
        await rig.desire('a: 1', agent);
        if (http) await agent.heartbeat();
        await agent.waitUntil(() => agent.offers.length === 1);
        await allAnswered(agent, http);
        const former = Buffer.from(agent.uid);
        const first = await agent.exchange({ flags: requestInstanceUid });
        expect(Buffer.from(first.instanceUid)).toEqual(former);
        const successor = Buffer.from(agent.uid);
        expect([successor.length, successor[6]! >> 4]).toEqual([16, 7]);
        const again = await repeat(agent, former, { flags: requestInstanceUid });
        expect(Buffer.from(again.agentIdentification!.newInstanceUid!)).toEqual(successor);
        // Late words under the former uid.
        const late = await repeat(agent, former, {});
        expect([late.errorResponse, Number(late.flags)]).toEqual([null, 0]);

        agent.uid = successor;
        await agent.report({ agentDescription: agent.state.agentDescription! });
        await agent.heartbeat();
        expect(agent.fullStateAsked).toBe(0);
        await rig.until(() => rig.reportsOf(agent).length > 0);
        expect(Buffer.from(rig.reportsOf(agent)[0]!.formerInstanceUid)).toEqual(former);
        expect(a.metrics.agents).toBe(1);
        expect(await holderOf(agent)).toBe('gateway-a');

        const ghost = await repeat(agent, former, {});
        expect(ghost.errorResponse).toBeNull();
        await settle();
        expect([a.metrics.agents, offline().length]).toEqual([1, 0]);
        expect(rig.reidentified).toMatchObject([{ former: agentIdFromBytes(former), reason: 'requested' }]);
        // The desired configuration came along.
        await agent.heartbeat();
        expect(agent.offers).toHaveLength(1);
      });

      it('may come up with it at another gateway', async () => {
        const agent = rig.agent(a, { http });
        await agent.start();
        await rig.desire('a: 1', agent);
        if (http) await agent.heartbeat();
        await agent.waitUntil(() => agent.offers.length === 1);
        await allAnswered(agent, http);
        const former = Buffer.from(agent.uid);
        await agent.exchange({ flags: requestInstanceUid });
        await agent.cut();
        await settle(1_200);
        await agent.reconnect(opampUrl(b, http ? 'http' : 'ws'));
        expect(agent.fullStateAsked).toBe(0);
        await rig.until(() => rig.reportsOf(agent).length > 0);
        expect(Buffer.from(rig.reportsOf(agent)[0]!.formerInstanceUid)).toEqual(former);
        // One that forgets its new uid hears of it again.
        const forgetful = rig.agent(a, { uid: former, http });
        await forgetful.connect();
        const answer = await forgetful.heartbeat();
        expect(Buffer.from(answer.agentIdentification!.newInstanceUid!)).toEqual(Buffer.from(agent.uid));
        await settle();
        expect(rig.reports.filter(({ epoch }) => epoch > rig.reportsOf(agent)[0]!.epoch)).toEqual([]);
      });
    },
  );

  it('does not give the record of a live agent to a copy of it that asks for a uid', async () => {
    const agent = rig.agent(a);
    await agent.start();
    const copy = rig.agent(a, { uid: agent.uid });
    await copy.connect();
    await copy.exchange({ flags: requestInstanceUid });
    await copy.exchange(copy.state);
    await agent.heartbeat();
    await rig.until(() => rig.reportsOf(copy).length > 0);
    expect(rig.reportsOf(copy)[0]!.formerInstanceUid).toHaveLength(0);
    expect([agent.fullStateAsked, a.metrics.agents]).toEqual([0, 2]);
  });
}

/** What the agent said of its offer is answered: over WebSocket the offer came by itself. */
function allAnswered(agent: FakeAgent, http: boolean): Promise<void> {
  const pushed = http ? 0 : 1;
  // Three: the offer is being applied, and is applied.
  return agent.waitUntil(
    () => agent.received.length === agent.sequenceNum + 1 + pushed && agent.sequenceNum >= 2,
  );
}

/** Sends under a uid the agent had, with its next number, and gives back the answer. */
async function repeat(agent: FakeAgent, uid: Buffer, fields: object) {
  const kept = agent.uid;
  agent.uid = uid;
  const answer = await agent.exchange(fields);
  agent.uid = kept;
  return answer;
}
