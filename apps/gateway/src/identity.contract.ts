import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentIdFromBytes } from '@muster/agents/agent-id';
import type { Presence } from '@muster/agents/presence';
import type { FakeAgent } from '@muster/opamp/fake-agent';
import { ConnectionRefused, type FakeWebSocket } from '@muster/opamp/fake-connection';
import type { ServerToAgentMessage } from '@muster/opamp/opamp';
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
  });

  describe('a client that guesses the numbers of a live agent', { timeout: 60_000 }, () => {
    it.each([
      { where: 'the same gateway', second: () => a, http: false },
      { where: 'another gateway', second: () => b, http: false },
      { where: 'the same gateway over plain HTTP', second: () => a, http: true },
      { where: 'another gateway over plain HTTP', second: () => b, http: true },
    ])(
      'wins nothing with any, at $where',
      async ({ second, http }) => {
        const agent = rig.agent(a);
        await agent.start();
        const guesses = Array.from({ length: http ? 40 : 10_000 }, (_, number) => number);
        const perClient = http ? 1 : 500;
        const answers: ServerToAgentMessage[] = [];
        for (let start = 0; start < guesses.length; start += perClient * 20) {
          const crowd = Array.from({ length: 20 }, (_, i) =>
            guesses.slice(start, start + perClient * 20).filter((_, n) => n % 20 === i),
          );
          await Promise.all([
            agent.heartbeat(),
            ...crowd.map(async (numbers) => {
              const thief = rig.agent(second(), { uid: agent.uid, http, onOffer: 'ignore' });
              await thief.connect();
              const sent = numbers.map((sequenceNum) =>
                thief.send({ ...thief.state, instanceUid: agent.uid, sequenceNum }),
              );
              await Promise.all(sent);
              await thief.waitUntil(() => !Buffer.from(thief.uid).equals(agent.uid), 20_000);
              answers.push(...thief.received);
              await thief.cut();
            }),
          ]);
        }
        await rig.desire('secret: 1', agent);
        await agent.waitUntil(() => agent.offers.length === 1);
        expect(answers.length).toBeGreaterThan(0);
        expect(answers.filter(({ remoteConfig }) => remoteConfig)).toEqual([]);
        expect(answers.some(({ agentIdentification }) => agentIdentification)).toBe(true);
        expect([agent.fullStateAsked, await holderOf(agent)]).toEqual([0, 'gateway-a']);
        expect(rig.reportsOf(agent).every(({ remoteAddress }) => remoteAddress === '127.0.0.1')).toBe(true);
        // However often it tried, few are told of.
        expect(rig.reidentified.length + rig.contested.length).toBeLessThanOrEqual(5);
      },
      60_000,
    );

    it('gets no configuration of an agent that polls, which stays who it is', async () => {
      const agent = rig.agent(a, { http: true });
      await agent.start();
      for (let i = 0; i < 20; i++) await agent.heartbeat();
      const { hash } = await rig.desire('secret: 1', agent);
      const got: ServerToAgentMessage[] = [];
      const numbers = Array.from({ length: 1_000 }, (_, i) => (i * 7_919) % 10_007);
      for (const sequenceNum of numbers.filter((number) => number < 20 || number > 22)) {
        const thief = rig.agent(sequenceNum % 2 ? a : b, { uid: agent.uid, http: true, onOffer: 'ignore' });
        await thief.connect();
        await thief.send({ ...thief.state, sequenceNum }).catch(() => {});
        got.push(...thief.received);
      }
      expect(got.filter(({ remoteConfig }) => remoteConfig)).toEqual([]);
      const uid = Buffer.from(agent.uid);
      for (let i = 0; i < 3; i++) await agent.heartbeat().catch(() => {});
      expect(uid.equals(agent.uid)).toBe(true);
      expect(agent.received.at(-1)!.errorResponse).toBeNull();
      expect(hash).toHaveLength(64);
    }, 60_000);

    it.each([
      { where: 'the same gateway', second: () => a },
      { where: 'another gateway', second: () => b },
    ])('of a shared connection waits as long as the agent is heard, at $where', async ({ second }) => {
      const shared = await rig.connection(a);
      const [agent, other] = [rig.agent(a), rig.agent(a)];
      for (const one of [agent, other]) await one.start(shared);
      const thief = rig.agent(second(), { uid: agent.uid });
      thief.sequenceNum = agent.sequenceNum;
      await thief.connect();
      expect((await thief.exchange(thief.state)).errorResponse?.type).toBe(2);
      await agent.heartbeat();
      await thief.connect();
      await thief.exchange(thief.state);
      expect(thief.received.at(-1)!.agentIdentification).not.toBeNull();
      expect(await holderOf(agent)).toBe('gateway-a');
    });

    it('over WebSocket waits as long as an agent polls', async () => {
      const agent = rig.agent(a, { http: true });
      await agent.start();
      const thief = rig.agent(a, { uid: agent.uid });
      thief.sequenceNum = agent.sequenceNum;
      await thief.connect();
      expect((await thief.exchange(thief.state)).errorResponse?.type).toBe(2);
      await agent.heartbeat();
      expect(agent.received.at(-1)!.agentIdentification).toBeNull();
    });

    it('is not given the record of an agent that polls by asking for a uid', async () => {
      const agent = rig.agent(a, { http: true });
      await agent.start();
      for (let i = 0; i < 5; i++) await agent.heartbeat();
      for (const sequenceNum of [2, 3, 4, 6, 5, 7]) {
        const copy = rig.agent(a, { uid: agent.uid, http: true });
        await copy.connect();
        await copy.exchange({ flags: requestInstanceUid, sequenceNum });
      }
      await agent.heartbeat();
      expect(agent.received.at(-1)!.agentIdentification).toBeNull();
      expect(rig.reidentified).toEqual([]);
    });
  });

  describe('an agent that belongs to another token', { timeout: 20_000 }, () => {
    const otherId = tokenId.replace('1', '2');
    const belongs = /belongs to another enrollment token/;
    const places = [
      { where: 'at its gateway', second: () => a, http: false },
      { where: 'at another gateway', second: () => b, http: false },
      { where: 'at its gateway over plain HTTP', second: () => a, http: true },
      { where: 'at another gateway over plain HTTP', second: () => b, http: true },
    ];
    const refusalOf = async (client: FakeAgent) => {
      await client.connect();
      try {
        return (await client.exchange(client.state)).errorResponse?.errorMessage;
      } catch (error) {
        return error instanceof ConnectionRefused ? `status ${error.status}` : String(error);
      }
    };

    it.each(
      places.flatMap((place) => [
        { ...place, polls: false },
        { ...place, polls: true },
      ]),
    )(
      'is refused $where, whether it is there or away (the agent polls: $polls)',
      async ({ second, http, polls }) => {
        const other = rig.addToken(otherId);
        const agent = rig.agent(a, { http: polls });
        await agent.start();
        await rig.desire('secret: 1', agent);
        if (polls) await agent.heartbeat();
        await agent.waitUntil(() => agent.offers.length === 1);
        await allAnswered(agent, polls);
        const numbers = Array.from({ length: 10 }, (_, i) => agent.sequenceNum - 2 + i);
        const attempt = async () => {
          for (const sequenceNum of numbers) {
            const thief = rig.agent(second(), { uid: agent.uid, http, token: other });
            thief.sequenceNum = sequenceNum;
            expect(await refusalOf(thief)).toMatch(http ? /status 403/ : belongs);
            expect(thief.offers).toEqual([]);
          }
        };
        await attempt();
        await agent.heartbeat();
        if (polls) await agent.stop();
        else await agent.cut();
        await rig.until(() => offline().length > 0);
        await attempt();
        await agent.connect();
        await agent.report({ health: { healthy: false, lastError: 'back' } });
        expect(agent.received.at(-1)!.errorResponse).toBeNull();
        expect([agent.fullStateAsked, agent.offers.length]).toEqual([0, 1]);
        await rig.until(() => rig.contested.length > 0);
        expect(rig.contested).toMatchObject([
          {
            uid: idOf(agent),
            outcome: 'refused',
            owner: `token/${tokenId}`,
            claimant: `token/${otherId}`,
            ownerAddress: '127.0.0.1',
            remoteAddress: '127.0.0.1',
            count: 1,
          },
        ]);
        expect(rig.reportsOf(agent).every(({ enrollmentTokenId }) => enrollmentTokenId === tokenId)).toBe(
          true,
        );
        expect(rig.reidentified).toEqual([]);
      },
      20_000,
    );

    it.each(places)(
      'is given, while it is away, to a token that may take over, $where',
      async ({ second, http }) => {
        const other = rig.addToken(otherId);
        const agent = rig.agent(a);
        await agent.start();
        const { hash } = await rig.desire('a: 1', agent);
        await agent.waitUntil(() => agent.offers.length === 1);
        await allAnswered(agent, false);
        await agent.cut();
        await rig.until(() => offline().length === 1);
        const heir = rig.agent(second(), { uid: agent.uid, http, token: other });
        heir.sequenceNum = agent.sequenceNum;
        expect(await refusalOf(heir)).toMatch(http ? /status 403/ : belongs);
        rig.addToken(otherId, true);
        rig.bus.broadcast('access.token-changed', { id: otherId, mayTakeOver: true });
        await settle();
        heir.sequenceNum = agent.sequenceNum;
        await heir.connect();
        const answer = await heir.heartbeat();
        expect([answer.errorResponse, answer.agentIdentification, heir.fullStateAsked]).toEqual([
          null,
          null,
          0,
        ]);
        await rig.until(() => rig.reportsOf(agent).at(-1)!.enrollmentTokenId === otherId);
        expect(rig.reportsOf(agent).at(-1)).toMatchObject({ connected: true });
        const taken = () => rig.contested.filter(({ outcome }) => outcome === 'takenOver');
        await rig.until(() => taken().length === 1);
        expect(taken()).toMatchObject([
          { owner: `token/${tokenId}`, claimant: `token/${otherId}`, ownerAddress: '127.0.0.1' },
        ]);
        expect(hash).toHaveLength(64);
        // It is the other token's from now on.
        await heir.cut();
        await settle(1_500);
        const former = rig.agent(a, { uid: agent.uid });
        former.sequenceNum = heir.sequenceNum;
        expect(await refusalOf(former)).toMatch(belongs);
      },
      20_000,
    );

    it('keeps its uid while it lives, also against a token that may take over', async () => {
      const other = rig.addToken(otherId, true);
      const agent = rig.agent(a);
      await agent.start();
      for (const second of [a, b]) {
        const newcomer = rig.agent(second, { uid: agent.uid, token: other });
        newcomer.sequenceNum = agent.sequenceNum;
        await newcomer.start();
        expect(Buffer.from(newcomer.uid).equals(agent.uid)).toBe(false);
      }
      await agent.heartbeat();
      await rig.until(() => rig.reidentified.length === 2);
      expect(await holderOf(agent)).toBe('gateway-a');
    });

    it('is not given to one who asks when its own token is revoked', async () => {
      const other = rig.addToken(otherId);
      const agent = rig.agent(a);
      await agent.start();
      rig.bus.broadcast('access.token-revoked', { id: tokenId });
      expect(await (agent.connection as FakeWebSocket).closed).toBe(1008);
      const next = rig.agent(a, { uid: agent.uid, token: other });
      expect(await refusalOf(next)).toMatch(belongs);
      rig.bus.broadcast('access.token-changed', { id: otherId, mayTakeOver: true });
      await settle();
      expect(await refusalOf(next)).toBeUndefined();
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
