import type { AgentId } from '@muster/agents/agent-id';
import { reported } from '@muster/configs/test-world.postgres';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createRolloutWorld, type RolloutWorld } from './test-rollouts.setup.ts';

const second = 1000;
const hour = 3600 * second;

let r: RolloutWorld;
beforeEach(async () => {
  r = await createRolloutWorld();
});
afterEach(() => r.world.close());

const wholeFleet = { waves: ['100%'], soakSeconds: 0 };

async function answer(id: string): Promise<void> {
  await r.report(await r.inState(id, 'offered'), r.v2, reported.applied);
}

async function heard(agents: readonly AgentId[]): Promise<void> {
  await r.engine.onAgentsChanged(agents);
  await r.pass(100);
}

describe('jitter', () => {
  test('spreads the offers of a wave evenly', async () => {
    await r.fleetOnV1(20);
    const id = await r.start(2, { ...wholeFleet, jitterSeconds: 10 });
    const offered: number[] = [];
    for (let at = 0; at <= 10; at++) {
      await r.pass(at === 0 ? 0 : second);
      offered.push((await r.inState(id, 'offered')).length);
    }
    expect(offered).toEqual([1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 20]);
    for (const { agents } of r.world.delivered) expect(agents).toHaveLength(1);
  });

  test('never goes beyond the limit of agents a second', async () => {
    await r.fleetOnV1(20);
    const id = await r.start(2, { ...wholeFleet, jitterSeconds: 2, perSecond: 4 });
    await r.pass(950);
    expect(await r.inState(id, 'offered')).toHaveLength(4);
    expect((await r.rollouts.find(id))?.waitsUntil).toEqual(expect.any(Date));
    await r.pass(second);
    expect(await r.inState(id, 'offered')).toHaveLength(8);
  });
});

describe('windows', () => {
  /** Open from two hours after `from` for an hour, every day. */
  function later(from: number) {
    const time = (at: number) => new Date(at).toISOString().slice(11, 16);
    const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
    return [{ timezone: 'UTC', days, start: time(from + 2 * hour), end: time(from + 3 * hour) }];
  }

  test('nothing is offered outside of them, and the rollout says until when it waits', async () => {
    await r.fleetOnV1(4);
    const windows = later(r.world.clock.now);
    const id = await r.start(2, { waves: ['1', '100%'], soakSeconds: 3600, windows });
    await r.pass(hour);
    expect(r.world.delivered).toEqual([]);
    const { waitsUntil } = (await r.rollouts.find(id))!;
    expect(waitsUntil!.toISOString().slice(11, 16)).toBe(windows[0]!.start);
    await r.pass(hour);
    expect(await r.inState(id, 'offered')).toHaveLength(1);
    await answer(id);
    // It soaks until the window has shut; the second wave begins in the next one.
    await r.pass(3 * hour);
    expect(await r.rollouts.find(id)).toMatchObject({ wave: 1, counts: { applied: 1, waiting: 3 } });
    await r.pass(21 * hour);
    expect(await r.inState(id, 'offered')).toHaveLength(3);
    const waits = (await r.rollouts.events(id)).filter(({ kind }) => /window/i.test(kind));
    expect(waits.map(({ kind }) => kind)).toEqual([
      'waitsForWindow',
      'windowOpened',
      'waitsForWindow',
      'windowOpened',
    ]);
    expect(waits[0]?.detail['until']).toBe(waitsUntil!.toISOString());
  });

  test('do not keep an agent from going back', async () => {
    await r.fleetOnV1(2);
    const windows = later(r.world.clock.now);
    const id = await r.start(2, { ...wholeFleet, windows, applyDeadlineSeconds: 7200 });
    await r.pass(2 * hour);
    const [failed, other] = await r.inState(id, 'offered');
    await r.pass(hour);
    await r.report([failed!], r.v2, reported.failed, 'no');
    expect(r.world.sentTo(failed!)).toEqual([r.v2, r.v1]);
    await r.ask('rollback', id);
    await r.pass(100);
    expect(r.world.sentTo(other!)).toEqual([r.v2, r.v1]);
  });

  test('hold for convergence too', async () => {
    await r.fleetOnV1(1, { windows: later(r.world.clock.now) });
    const [newcomer] = await r.world.enrol(1, { labels: { role: 'edge' } });
    await r.world.inTransaction((tx) => r.world.configs.membership.place(tx, [newcomer!]));
    await r.world.configs.convergence.consider([newcomer!]);
    await r.world.configs.convergence.advance();
    expect(r.world.sentTo(newcomer!)).toEqual([]);
    r.world.clock.now += 2.5 * hour;
    await r.world.configs.convergence.advance();
    expect(r.world.sentTo(newcomer!)).toEqual([r.v1]);
  });
});

describe('starting later', () => {
  const inAnHour = () => ({ startAt: new Date(r.world.clock.now + hour) });

  test('is planned over the agents of that moment, and replaces what is under way then', async () => {
    await r.fleetOnV1(2);
    const id = await r.start(2, wholeFleet, inAnHour());
    const before = await r.start(2, wholeFleet);
    expect(await r.rollouts.find(id)).toMatchObject({
      state: 'scheduled',
      waves: [],
      startAt: expect.any(Date),
    });
    expect((await r.rollouts.activeOf('edge'))?.id).toBe(before);
    await r.world.enrol(1, { labels: { role: 'edge' } });
    await r.world.putFleet('edge', 'role=edge');
    await r.pass(hour - 1);
    expect((await r.rollouts.find(id))?.state).toBe('scheduled');
    await r.pass(1);
    expect(await r.rollouts.find(id)).toMatchObject({ state: 'running', counts: { offered: 3 } });
    expect((await r.rollouts.find(before))?.state).toBe('replaced');
    expect(await r.kinds(id)).toEqual(['scheduled', 'started', 'waveStarted', 'offered']);
  });

  test('a newer one that is put off replaces the older, one that starts at once does not', async () => {
    await r.fleetOnV1(2);
    const older = await r.start(2, wholeFleet, inAnHour());
    await r.start(1, wholeFleet);
    expect((await r.rollouts.find(older))?.state).toBe('scheduled');
    const newer = await r.start(2, wholeFleet, inAnHour());
    expect((await r.rollouts.find(older))?.state).toBe('replaced');
    await r.ask('abort', newer);
    await r.pass(2 * hour);
    expect((await r.rollouts.find(newer))?.state).toBe('aborted');
  });

  test('a time that has passed means at once', async () => {
    await r.fleetOnV1(2);
    const id = await r.start(2, wholeFleet, { startAt: new Date(r.world.clock.now - hour) });
    expect((await r.rollouts.find(id))?.state).toBe('running');
  });

  test('a version that cannot be rendered for an agent then ends it and leaves the one under way alone', async () => {
    await r.fleetOnV1(2);
    const body = 'receivers: {nop: }\n# {{ labels.zone }}\n';
    const { version } = await r.world.inTransaction((tx) =>
      r.world.configs.configurations.createVersion(tx, 'test', { name: 'edge', body }),
    );
    const id = await r.start(version, wholeFleet, inAnHour());
    const before = await r.start(2, wholeFleet);
    await r.pass(hour);
    expect(await r.rollouts.find(id)).toMatchObject({
      state: 'aborted',
      reason: expect.stringContaining('cannot start: body: undefined variable: labels.zone'),
    });
    expect((await r.rollouts.activeOf('edge'))?.id).toBe(before);
  });

  test('the clock lost: it starts all the same', async () => {
    await r.fleetOnV1(2);
    const id = await r.start(2, wholeFleet, inAnHour());
    r.queue.due.clear();
    await r.engine.reseed();
    await r.pass(hour);
    expect((await r.rollouts.find(id))?.state).toBe('running');
  });
});

describe('catching up', () => {
  async function completedWithout(away: readonly AgentId[], policy: Record<string, unknown> = {}) {
    await r.world.disconnect(away);
    const id = await r.start(2, { ...wholeFleet, ...policy });
    await r.pass(100);
    await answer(id);
    expect(await r.rollouts.find(id)).toMatchObject({ state: 'completed', catchingUp: true });
    return id;
  }

  async function comeBack(agents: readonly AgentId[]): Promise<void> {
    await r.world.connect(agents);
    await heard(agents);
  }

  test('ends when everybody had its turn', async () => {
    const agents = await r.fleetOnV1(6);
    const id = await completedWithout(agents.slice(0, 2));
    await comeBack(agents.slice(0, 1));
    expect(await r.inState(id, 'offered')).toEqual(agents.slice(0, 1));
    await answer(id);
    expect(await r.rollouts.find(id)).toMatchObject({
      catchingUp: true,
      counts: { applied: 5, deferred: 1 },
    });
    await comeBack(agents.slice(1, 2));
    await answer(id);
    expect(await r.rollouts.find(id)).toMatchObject({ catchingUp: false, counts: { applied: 6 } });
    expect((await r.kinds(id)).slice(-4)).toEqual(['completed', 'catchingUp', 'offered', 'caughtUp']);
    for (const agent of agents) expect(r.world.sentTo(agent)).toEqual([r.v2]);
  });

  test('goes at the pace of the rollout', async () => {
    const agents = await r.fleetOnV1(6);
    const id = await completedWithout(agents.slice(0, 5), { perSecond: 2 });
    await r.pass(2 * second);
    await comeBack(agents.slice(0, 5));
    expect(await r.inState(id, 'offered')).toHaveLength(2);
    await r.pass(second);
    expect(await r.inState(id, 'offered')).toHaveLength(4);
  });

  test('goes by portions of the first wave, so that a gate can speak', async () => {
    const agents = await r.fleetOnV1(26);
    await r.world.disconnect(agents.slice(1));
    const id = await r.start(2, { waves: ['1', '100%'], soakSeconds: 0 });
    await r.pass(100);
    await answer(id);
    expect(await r.rollouts.find(id)).toMatchObject({ state: 'completed', catchingUp: true });
    await comeBack(agents.slice(1));
    const first = await r.inState(id, 'offered');
    expect(first).toHaveLength(1);
    await answer(id);
    const second = await r.inState(id, 'offered');
    expect(second).toHaveLength(1);
    await r.report(second, r.v2, reported.failed, 'no');
    expect(await r.rollouts.find(id)).toMatchObject({ halted: true, counts: { failed: 1, deferred: 23 } });
  });

  test('stops one cohort where the policy says so, takes nobody back, and a person can go on', async () => {
    const agents = await r.fleetOnV1(8);
    await r.makeCohort(agents.slice(0, 4), 'otelcol');
    await r.makeCohort(agents.slice(4), 'otelcol', '1', 'windows');
    const away = [...agents.slice(1, 4), ...agents.slice(5)];
    await r.world.disconnect(away);
    const policy = { waves: ['1', '100%'], soakSeconds: 0, breachScope: 'cohort', onBreach: 'rollback' };
    const id = await r.start(2, policy);
    await r.pass(100);
    await answer(id);
    expect(await r.rollouts.find(id)).toMatchObject({ state: 'completed', catchingUp: true });
    await comeBack(agents.slice(1, 2));
    await r.report(agents.slice(1, 2), r.v2, reported.failed, 'no');
    const stopped = () => r.rollouts.find(id).then((rollout) => rollout?.cohorts.map(({ state }) => state));
    expect(await stopped()).toEqual(['stopped', 'running']);
    expect(r.world.sentTo(agents[0]!)).toEqual([r.v2]);
    const { items } = await r.world.configs.quarantines.page({ lifted: false, limit: 10 });
    expect(items.filter(({ scope }) => scope === 'cohort')).toHaveLength(1);
    await comeBack(away);
    expect(await r.inState(id, 'offered')).toEqual([
      expect.toBeOneOf(agents.slice(5)),
      expect.toBeOneOf(agents.slice(5)),
    ]);
    await r.report(await r.inState(id, 'offered'), r.v2, reported.failed, 'no');
    expect(await stopped()).toEqual(['stopped', 'stopped']);
    expect(await r.rollouts.find(id)).toMatchObject({ halted: true, reason: 'every cohort has stopped' });
    await r.ask('resume', id);
    await r.pass(100);
    expect(await stopped()).toEqual(['running', 'running']);
    expect(await r.inState(id, 'offered')).toHaveLength(2);
  });

  test('puts a cohort in quarantine where the policy says so', async () => {
    const agents = await r.fleetOnV1(6);
    const id = await completedWithout(agents.slice(0, 3), { quarantine: 'cohort' });
    await comeBack(agents.slice(0, 1));
    await r.report(agents.slice(0, 1), r.v2, reported.failed, 'no');
    expect((await r.rollouts.find(id))?.halted).toBe(true);
    const { items } = await r.world.configs.quarantines.page({ lifted: false, limit: 10 });
    expect(items.map(({ scope }) => scope).toSorted()).toEqual(['agent', 'cohort']);
  });

  test('can be paused, resumed and ended by hand, and not rolled back', async () => {
    const agents = await r.fleetOnV1(6);
    const id = await completedWithout(agents.slice(0, 3));
    await r.ask('pause', id);
    await comeBack(agents.slice(0, 2));
    const [newcomer] = await r.world.enrol(1, { labels: { role: 'edge' } });
    await r.world.inTransaction((tx) => r.world.configs.membership.place(tx, [newcomer!]));
    await r.world.configs.convergence.consider([newcomer!, ...agents]);
    await r.world.configs.convergence.advance();
    expect(await r.inState(id, 'deferred')).toHaveLength(3);
    for (const agent of [newcomer!, agents[0]!]) expect(r.world.sentTo(agent)).toEqual([]);
    await expect(r.ask('pause', id)).rejects.toMatchObject({
      message: 'cannot pause a rollout that is completed and paused while catching up',
    });
    await expect(r.ask('rollback', id)).rejects.toMatchObject({
      code: 'rollout-state-conflict',
      message: expect.stringContaining('roll out the version that was stable before'),
    });
    await r.ask('resume', id);
    await r.pass(100);
    expect(await r.inState(id, 'offered')).toHaveLength(2);
    await r.world.disconnect(agents.slice(0, 1));
    await r.ask('abort', id);
    expect(await r.rollouts.find(id)).toMatchObject({ state: 'completed', catchingUp: false });
    expect((await r.kinds(id)).at(-1)).toBe('catchingUpEnded');
    // From here on convergence brings the stable version, also to the one that went away with its offer.
    await r.world.connect(agents.slice(0, 1));
    await r.world.configs.convergence.sweep();
    await r.world.configs.convergence.advance();
    expect(r.world.sentTo(agents[0]!).filter((hash) => hash === r.v2)).toHaveLength(2);
    expect(r.world.sentTo(newcomer!)).toEqual([r.v2]);
  });

  test('stops at a gate until a person resumes', async () => {
    const agents = await r.fleetOnV1(6);
    const id = await completedWithout(agents.slice(0, 3));
    await comeBack(agents.slice(0, 1));
    await r.report(agents.slice(0, 1), r.v2, reported.failed, 'no');
    expect(await r.rollouts.find(id)).toMatchObject({
      state: 'completed',
      halted: true,
      reason: '1 failed in wave 1, maxFailed allows 0',
    });
    await comeBack(agents.slice(1, 3));
    expect(await r.inState(id, 'deferred')).toHaveLength(2);
    await r.ask('resume', id);
    await r.pass(100);
    expect(await r.inState(id, 'offered')).toHaveLength(2);
    await answer(id);
    expect(await r.rollouts.find(id)).toMatchObject({ catchingUp: false, halted: false, reason: '' });
  });

  test('ends when a newer rollout starts', async () => {
    const agents = await r.fleetOnV1(3);
    const id = await completedWithout(agents.slice(0, 1));
    await r.start(1, wholeFleet);
    expect(await r.rollouts.find(id)).toMatchObject({ state: 'completed', catchingUp: false });
    await comeBack(agents.slice(0, 1));
    expect(r.world.sentTo(agents[0]!)).not.toContain(r.v2);
  });

  test('an agent that has left the fleet is not waited for', async () => {
    const agents = await r.fleetOnV1(3);
    const id = await completedWithout(agents.slice(0, 1));
    await r.world.inTransaction(async (tx) => {
      await tx.db.deleteFrom('agents').where('uid', '=', agents[0]!).execute();
    });
    await heard(agents);
    await r.engine.advance(id);
    expect((await r.rollouts.find(id))?.catchingUp).toBe(false);
  });
});
