import type { AgentId } from '@muster/agents/agent-id';
import { reported } from '@muster/configs/test-world.postgres';
import { silentLog } from '@muster/platform/log';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createRolloutWorld, type RolloutWorld } from './test-rollouts.setup.ts';
import { wireRollouts } from './wire.ts';

const second = 1000;
const hour = 3600 * second;
const wholeFleet = { waves: ['100%'], soakSeconds: 0, applyDeadlineSeconds: 60 };

let r: RolloutWorld;
beforeEach(async () => {
  r = await createRolloutWorld();
});
afterEach(() => r.world.close());

async function leave(agents: readonly AgentId[]): Promise<void> {
  await r.world.disconnect(agents);
  await r.engine.onAgentsChanged(agents);
  await r.pass(100);
}

async function comeBack(agents: readonly AgentId[]): Promise<void> {
  await r.world.connect(agents);
  await r.engine.onAgentsChanged(agents);
  await r.pass(100);
}

/** What a gateway that an agent comes to would offer it. */
async function wouldBeOffered(agent: AgentId): Promise<string | null> {
  return (await r.world.offerCache.desired([agent]))[0]!;
}

async function statusOf(agent: AgentId) {
  return (await r.world.configs.agentConfigurations.many([agent])).get(agent)!;
}

const stable = async () => (await r.world.configs.fleets.find('edge'))?.version;

describe('a version that nobody has applied', () => {
  test('is not made stable where it cuts every agent off: that is a breach', async () => {
    await r.fleetOnV1(10);
    const id = await r.start(2, { soakSeconds: 0, applyDeadlineSeconds: 60 });
    await r.pass(100);
    await leave(await r.inState(id, 'offered'));
    await r.pass(59 * second);
    expect(await r.rollouts.find(id)).toMatchObject({ state: 'running', counts: { offered: 1, waiting: 9 } });
    await r.pass(second);
    expect(await r.rollouts.find(id)).toMatchObject({
      state: 'paused',
      reason: '1 disconnected in wave 1, maxDisconnected allows 0',
      counts: { deferred: 1, waiting: 9 },
    });
    expect(await stable()).toBe(1);
  });

  test('is not made stable while all are offline: it waits for the first that return', async () => {
    const agents = await r.fleetOnV1(20);
    await r.world.disconnect(agents);
    const id = await r.start(2, { soakSeconds: 10 });
    await r.pass(hour);
    expect(await r.rollouts.find(id)).toMatchObject({ state: 'running', counts: { deferred: 20 } });
    expect(await stable()).toBe(1);
    await comeBack(agents.slice(0, 5));
    const first = await r.inState(id, 'offered');
    expect(first).toHaveLength(1);
    await r.report(first, r.v2, reported.applied);
    // One has proved it: the others have their turn.
    expect(await r.inState(id, 'offered')).toHaveLength(4);
    await r.report(await r.inState(id, 'offered'), r.v2, reported.applied);
    await r.pass(9 * second);
    expect(await stable()).toBe(1);
    await r.pass(second);
    expect(await r.rollouts.find(id)).toMatchObject({
      state: 'completed',
      catchingUp: true,
      counts: { applied: 5, deferred: 15 },
    });
  });

  test('is not made stable where all are in quarantine for it', async () => {
    const agents = await r.fleetOnV1(3);
    await r.world.report(agents, r.v2, reported.failed, 'cannot bind');
    const id = await r.start(2, wholeFleet);
    await r.pass(hour);
    expect(await r.rollouts.find(id)).toMatchObject({
      state: 'paused',
      reason: 'no agent can take it: all are in quarantine for it, cannot bind',
    });
    await r.ask('resume', id);
    await r.pass(hour);
    expect(await r.rollouts.find(id)).toMatchObject({ state: 'paused', reason: 'no agent has applied it' });
    expect(await stable()).toBe(1);
  });
});

describe('an agent that goes away', () => {
  test('after it has applied it holds its wave, and is counted when it stays away', async () => {
    await r.fleetOnV1(10);
    const id = await r.start(2, { soakSeconds: 10, applyDeadlineSeconds: 60 });
    await r.pass(100);
    const canary = await r.inState(id, 'offered');
    await r.report(canary, r.v2, reported.applied);
    await leave(canary);
    await r.pass(40 * second);
    expect(await r.rollouts.find(id)).toMatchObject({ state: 'running', wave: 0 });
    await comeBack(canary);
    expect(await r.rollouts.find(id)).toMatchObject({ state: 'running', wave: 1 });
    const wave = await r.inState(id, 'offered');
    await r.report(wave, r.v2, reported.applied);
    await leave(wave.slice(0, 1));
    await r.pass(60 * second);
    expect(await r.rollouts.find(id)).toMatchObject({
      state: 'paused',
      reason: '1 disconnected in wave 2, maxDisconnected allows 0',
    });
  });

  test('for short is not offered it by a second message, and counts when it says it has it', async () => {
    const agents = await r.fleetOnV1(2);
    const id = await r.start(2, wholeFleet);
    await r.pass(100);
    await leave(agents.slice(0, 1));
    expect(await r.inState(id, 'offered')).toHaveLength(2);
    await comeBack(agents.slice(0, 1));
    await r.pass(50 * second);
    expect(r.world.sentTo(agents[0]!)).toEqual([r.v2]);
    await r.report(agents, r.v2, reported.applied);
    expect((await r.rollouts.find(id))?.state).toBe('completed');
  });

  test('for long is offered it again when it is back, from what it had before the rollout', async () => {
    const agents = await r.fleetOnV1(2);
    const id = await r.start(2, { ...wholeFleet, maxDisconnected: null });
    await r.pass(100);
    await leave(agents.slice(0, 1));
    await r.pass(61 * second);
    expect(await wouldBeOffered(agents[0]!)).toBeNull();
    expect(await statusOf(agents[0]!)).toMatchObject({ status: 'deferred', current: { version: 1 } });
    await r.report(agents.slice(1), r.v2, reported.applied);
    await comeBack(agents.slice(0, 1));
    expect(r.world.sentTo(agents[0]!).at(-1)).toBe(r.v2);
    await r.report(agents.slice(0, 1), r.v2, reported.failed, 'no');
    expect(r.world.sentTo(agents[0]!).at(-1)).toBe(r.v1);
    expect((await r.rollouts.agents(id, { state: 'failed', limit: 1 })).items).toHaveLength(1);
  });

  const endings: [string, (id: string) => Promise<unknown>][] = [
    ['paused', (id) => r.ask('pause', id)],
    ['aborted', (id) => r.ask('abort', id)],
    ['replaced', () => r.start(1, { ...wholeFleet, windows: shut() })],
    ['out of its window', () => r.pass(2 * hour)],
  ];

  /** Opens in a day. */
  const shut = () => [{ timezone: 'UTC', days: [dayAt(24 * hour)], start: '00:00', end: '00:01' }];
  const dayAt = (later: number) =>
    new Date(r.world.clock.now + later)
      .toLocaleDateString('en', { weekday: 'short', timeZone: 'UTC' })
      .toLowerCase();
  const timeAt = (later: number) => new Date(r.world.clock.now + later).toISOString().slice(11, 16);

  test.each(endings)('is offered nothing any more when the rollout is %s', async (_what, end) => {
    const agents = await r.fleetOnV1(2);
    const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
    const windows = [{ timezone: 'UTC', days, start: timeAt(0), end: timeAt(hour) }];
    const id = await r.start(2, { ...wholeFleet, applyDeadlineSeconds: 24 * 3600, windows });
    await r.pass(100);
    expect(await r.inState(id, 'offered')).toHaveLength(2);
    await leave(agents);
    expect(await wouldBeOffered(agents[0]!)).toBe(r.v2);
    await end(id);
    await r.pass(100);
    expect(await wouldBeOffered(agents[0]!)).toBeNull();
    expect((await r.rollouts.find(id))?.counts).toMatchObject({ deferred: 2 });
    expect(await statusOf(agents[0]!)).toMatchObject({ status: 'deferred' });
  });

  test('is shown to have applied it when it comes back with it after the rollout was aborted', async () => {
    const agents = await r.fleetOnV1(1);
    const id = await r.start(2, wholeFleet);
    await r.pass(100);
    await leave(agents);
    await r.ask('abort', id);
    await r.world.connect(agents);
    await r.report(agents, r.v2, reported.applied);
    expect(await statusOf(agents[0]!)).toMatchObject({ status: 'applied', current: { version: 2 } });
  });

  test('a second rollout of the version offers it again', async () => {
    const agents = await r.fleetOnV1(1);
    const id = await r.start(2, { ...wholeFleet, applyDeadlineSeconds: 10 });
    await r.pass(11 * second);
    expect(await r.inState(id, 'failed')).toEqual(agents);
    const again = await r.start(2, wholeFleet);
    await r.pass(100);
    expect(await r.inState(again, 'offered')).toEqual(agents);
    expect(r.world.sentTo(agents[0]!)).toEqual([r.v2, r.v1, r.v2]);
  });

  test('counts as applied when it comes back with it, and is not taken back', async () => {
    const agents = await r.fleetOnV1(2);
    const id = await r.start(2, wholeFleet);
    await r.pass(100);
    await leave(agents);
    await r.ask('pause', id);
    await r.pass(100);
    await r.world.connect(agents);
    await r.report(agents.slice(0, 1), r.v2, reported.applied);
    expect(await r.inState(id, 'applied')).toEqual(agents.slice(0, 1));
    expect(await wouldBeOffered(agents[0]!)).toBe(r.v2);
    expect(await statusOf(agents[0]!)).toMatchObject({ status: 'applied', current: { version: 2 } });
    expect(r.world.sentTo(agents[0]!)).not.toContain(r.v1);
    // The other one has not taken it: it is its turn again.
    await r.pass(600 * second);
    expect(await wouldBeOffered(agents[1]!)).toBeNull();
    await r.ask('resume', id);
    await r.pass(100);
    expect(await r.inState(id, 'offered')).toEqual(agents.slice(1));
    expect(r.world.sentTo(agents[1]!).at(-1)).toBe(r.v2);
  });
});

test('no deadline runs out for the time in which nobody listened', async () => {
  const agents = await r.fleetOnV1(4);
  const id = await r.start(2, { ...wholeFleet, applyDeadlineSeconds: 10 });
  await r.pass(100);
  // Everything is down for longer than the deadline; agents apply it meanwhile and come back.
  r.world.clock.now += 14 * second;
  const { db, configs, clock } = r.world;
  const { engine } = wireRollouts({ db, configs, queue: r.queue, log: silentLog, now: () => clock.now });
  await engine.advance(id);
  expect((await r.rollouts.find(id))?.counts).toMatchObject({ offered: 4 });
  clock.now += 2 * second;
  await r.world.report(agents.slice(1), r.v2, reported.applied);
  await engine.advance(id);
  expect((await r.rollouts.find(id))?.counts).toMatchObject({ applied: 3, offered: 1 });
  clock.now += 9 * second;
  await engine.advance(id);
  expect(await r.rollouts.find(id)).toMatchObject({ state: 'paused', counts: { applied: 3, failed: 1 } });
});
