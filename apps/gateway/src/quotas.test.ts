import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { serverError, type ServerToAgentMessage } from '@muster/opamp/opamp';
import { HourlyBudgets } from './hourly-budgets.ts';
import { GatewayRig, settle } from './gateway-rig.setup.ts';
import { gatewayDefaults } from './gateway-settings.ts';

vi.setConfig({ testTimeout: 30_000 });

const { quotas, messageLimits } = gatewayDefaults;
let rig: GatewayRig;

beforeEach(async () => {
  rig = new GatewayRig();
  await rig.open();
});

afterEach(() => rig.close());

const config = (text: string) => ({ configMap: { configMap: { '': { body: Buffer.from(text) } } } });

function refusal({ errorResponse }: ServerToAgentMessage) {
  return errorResponse
    ? {
        type: errorResponse.type,
        text: errorResponse.errorMessage,
        seconds: Number(errorResponse.retryInfo?.retryAfterNanoseconds ?? 0) / 1e9,
      }
    : null;
}

describe.each([{ http: false }, { http: true }])('what is too large (plain HTTP: $http)', ({ http }) => {
  it('is refused by name, and nothing else changes', async () => {
    const gateway = await rig.gateway();
    const agent = rig.agent(gateway, { http });
    await agent.start();
    await rig.until(() => rig.reportsOf(agent).length === 1);
    const before = { ...agent.state };
    const answer = await agent.exchange({
      health: { healthy: false, status: 'x'.repeat(300_000) },
      effectiveConfig: config('changed: {}\n'),
    });
    expect(refusal(answer)).toMatchObject({
      type: serverError.badRequest,
      text: expect.stringMatching(
        /^health: has 3000\d\d bytes, more than the 262144 that the server takes \(MUSTER_MAX_STATUS_BYTES\)$/,
      ),
    });
    expect(Buffer.from(answer.instanceUid)).toEqual(agent.uid);
    agent.state = before;
    // It is not asked for what it would only be refused again.
    for (let i = 0; i < 3; i++) expect(refusal(await agent.heartbeat())).toBeNull();
    expect(agent.fullStateAsked).toBe(0);
    await settle();
    expect(rig.reportsOf(agent)).toHaveLength(1);
    // What it reports next is taken.
    expect(refusal(await agent.report({ health: { healthy: true, status: 'better' } }))).toBeNull();
    await rig.until(() => rig.reportsOf(agent).at(-1)?.said.health?.status === 'better');
    expect(gateway.metrics).toMatchObject({ messagesOverLimit: 1, malformed: 0 });
  });

  it('may be sent again and again, and the connection stays', async () => {
    const gateway = await rig.gateway({ messagesPerSecond: 1_000 });
    const agent = rig.agent(gateway, { http });
    await agent.start();
    for (let i = 0; i < 15; i++) {
      const answer = await agent.exchange({ effectiveConfig: config('x'.repeat(5_000_000)) });
      expect(refusal(answer)!.text).toContain('MUSTER_MAX_EFFECTIVE_CONFIG_BYTES');
    }
    expect(refusal(await agent.heartbeat())).toBeNull();
    expect(gateway.metrics.messagesOverLimit).toBe(15);
  });

  it('does not make an agent that begins with it send its full state over and over', async () => {
    const gateway = await rig.gateway();
    const agent = rig.agent(gateway, { http });
    agent.state.effectiveConfig = config('x'.repeat(5_000_000));
    await agent.start();
    for (let i = 0; i < 5; i++) {
      await agent.heartbeat();
      await settle(50);
    }
    expect(agent.fullStateAsked).toBeLessThanOrEqual(1);
  });

  it('has limits that are settings', async () => {
    const gateway = await rig.gateway({ messageLimits: { ...messageLimits, statusBytes: 400_000 } });
    const agent = rig.agent(gateway, { http });
    await agent.start();
    expect(refusal(await agent.report({ health: { status: 'x'.repeat(300_000) } }))).toBeNull();
  });
});

describe('agents', () => {
  it('of one connection are so many at most; those that are there stay', async () => {
    const gateway = await rig.gateway({ quotas: { ...quotas, agentsPerConnection: 3 } });
    const first = rig.agent(gateway);
    await first.start();
    const others = [rig.agent(gateway), rig.agent(gateway)];
    for (const agent of others) await agent.start(first.connection);
    const fourth = rig.agent(gateway);
    await fourth.connect(first.connection);
    expect(refusal(await fourth.exchange(fourth.state))).toEqual({
      type: serverError.unavailable,
      text: 'the connection carries 3 agents, as many as it may (MUSTER_MAX_AGENTS_PER_CONNECTION)',
      seconds: 30,
    });
    for (const agent of [first, ...others]) expect(refusal(await agent.heartbeat())).toBeNull();
    expect(gateway.metrics).toMatchObject({ agents: 3, agentsOverQuota: 1 });
    await others[0]!.exchange({ agentDisconnect: {} });
    expect(refusal(await fourth.exchange(fourth.state))).toBeNull();
  });

  it('that are new are so many an hour, whatever connection they come on; known ones come back', async () => {
    const gateway = await rig.gateway({ quotas: { ...quotas, newAgentsPerHour: 3 } });
    const known = [rig.agent(gateway), rig.agent(gateway), rig.agent(gateway, { http: true })];
    for (const agent of known) await agent.start();
    const late = rig.agent(gateway);
    await late.connect();
    const { type, text, seconds } = refusal(await late.exchange(late.state))!;
    expect({ type, text }).toEqual({
      type: serverError.unavailable,
      text: 'more than 3 new agents an hour came from this address with this credential (MUSTER_NEW_AGENTS_PER_HOUR)',
    });
    expect(seconds).toBeGreaterThan(1_000);
    const polling = rig.agent(gateway, { http: true });
    await polling.connect();
    expect(refusal(await polling.exchange(polling.state))!.type).toBe(serverError.unavailable);
    for (const agent of known.slice(0, 2)) {
      await agent.cut();
      expect(refusal(await agent.reconnect())).toBeNull();
    }
    expect(gateway.metrics.agentsOverQuota).toBe(2);
    await settle();
    expect(rig.reportsOf(late)).toHaveLength(0);
  });
});

describe('new contents of an agent', () => {
  it('are so many an hour, and a reconnect does not renew them', async () => {
    const gateway = await rig.gateway({ quotas: { ...quotas, newContentsPerHour: 5 } });
    const agent = rig.agent(gateway);
    await agent.start();
    for (let i = 0; i < 5; i++)
      expect(refusal(await agent.report({ effectiveConfig: config(`n: ${i}\n`) }))).toBeNull();
    const { type, text, seconds } = refusal(await agent.report({ effectiveConfig: config('n: 5\n') }))!;
    expect({ type, text }).toEqual({
      type: serverError.unavailable,
      text: 'the agent changed to more than 5 new contents an hour (MUSTER_NEW_CONTENTS_PER_HOUR)',
    });
    expect(seconds).toBeGreaterThan(600);
    await agent.cut();
    await agent.reconnect();
    expect(refusal(await agent.report({ effectiveConfig: config('n: 6\n') }))!.type).toBe(
      serverError.unavailable,
    );
    // Health is no content, and what it had lately is known.
    expect(refusal(await agent.report({ health: { healthy: true, status: 'ok' } }))).toBeNull();
    for (const n of [3, 4, 3])
      expect(refusal(await agent.report({ effectiveConfig: config(`n: ${n}\n`) }))).toBeNull();
    expect(agent.fullStateAsked).toBe(0);
    expect(gateway.metrics.contentsOverQuota).toBe(2);
  });

  it('are of so many bytes an hour', async () => {
    const gateway = await rig.gateway({ quotas: { ...quotas, newContentBytesPerHour: 100_000 } });
    const agent = rig.agent(gateway);
    await agent.start();
    const answers = [];
    for (let i = 0; i < 5; i++)
      answers.push(refusal(await agent.report({ effectiveConfig: config(`${i}`.repeat(40_000)) })));
    expect(answers.map((answer) => answer?.text ?? null)).toEqual([
      null,
      null,
      null,
      ...Array(2).fill(
        'the agent changed to more than 100000 bytes of new contents an hour (MUSTER_NEW_CONTENT_BYTES_PER_HOUR)',
      ),
    ]);
  });

  it('may be two in turn for ever', async () => {
    const gateway = await rig.gateway({ quotas: { ...quotas, newContentsPerHour: 2 } });
    const agent = rig.agent(gateway);
    await agent.start();
    for (let i = 0; i < 20; i++)
      expect(refusal(await agent.report({ effectiveConfig: config(`n: ${i % 2}\n`) }))).toBeNull();
  });
});

describe('HourlyBudgets', () => {
  it('give back what time earns, and keep nothing of who has it all', () => {
    let now = 0;
    const budgets = new HourlyBudgets(60, 1_000_000, () => now);
    for (let i = 0; i < 60; i++) expect(budgets.take('a', 100, `${i}`)).toBeNull();
    expect(budgets.take('a', 100, 'more')).toEqual({ of: 'number', seconds: 60 });
    expect(budgets.take('b', 100, 'more')).toBeNull();
    now += 60_000;
    expect(budgets.take('a', 100, 'more')).toBeNull();
    expect(budgets.take('a', 100, 'again')).toEqual({ of: 'number', seconds: 60 });
    budgets.stop();
  });

  it('let one that is larger than all pass once, and then nothing until it is earned', () => {
    let now = 0;
    const budgets = new HourlyBudgets(60, 1_000, () => now);
    expect(budgets.take('a', 3_000)).toBeNull();
    expect(budgets.take('a', 1)).toMatchObject({ of: 'bytes' });
    now += 2 * 3_600_000 + 4_000;
    expect(budgets.take('a', 1)).toBeNull();
    budgets.stop();
  });

  it('are of so many senders at most', () => {
    const budgets = new HourlyBudgets(10, 1_000);
    for (let i = 0; i < 30_000; i++) budgets.take(`${i}`, 1);
    expect(budgets.size).toBe(20_000);
    budgets.stop();
  });
});
