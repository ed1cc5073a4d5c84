import type { AgentId } from '@muster/agents/agent-id';
import { reported } from '@muster/configs/test-world.postgres';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createRolloutWorld, type RolloutWorld } from './test-rollouts.setup.ts';

let r: RolloutWorld;
beforeEach(async () => {
  r = await createRolloutWorld();
});
afterEach(() => r.world.close());

const noSoak = { soakSeconds: 0 };

/** Agents of three cohorts: 12, 6 and 2. */
async function threeCohorts(policy: Record<string, unknown> = {}) {
  const agents = await r.fleetOnV1(20, policy);
  const [many, some, few] = [agents.slice(0, 12), agents.slice(12, 18), agents.slice(18)];
  await r.makeCohort(many, 'otelcol');
  await r.makeCohort(some, 'otelcol', '2');
  await r.makeCohort(few, 'otelcol', '2', 'windows');
  return { agents, many, some, few };
}

const count = (of: readonly AgentId[], among: readonly AgentId[]) =>
  of.filter((agent) => among.includes(agent)).length;

async function answer(id: string, failing: readonly AgentId[] = []): Promise<void> {
  const offered = await r.inState(id, 'offered');
  const bad = offered.filter((agent) => failing.includes(agent));
  const good = offered.filter((agent) => !failing.includes(agent));
  await r.world.report(good, r.v2, reported.applied);
  await r.report(bad, r.v2, reported.failed, 'no');
  await r.engine.onAgentsChanged(good);
  await r.pass(100);
}

async function quarantined() {
  const query = { lifted: false, limit: 50 };
  return (await r.world.configs.quarantines.page(query)).items.filter(({ scope }) => scope === 'cohort');
}

describe('a plan', () => {
  test('has each cohort in its first wave, and all in proportion after it', async () => {
    const { many, some, few } = await threeCohorts();
    const id = await r.start(2, { ...noSoak, waves: ['1', '50%', '100%'] });
    expect(await r.rollouts.find(id)).toMatchObject({
      waves: [{ size: 3 }, { size: 7 }, { size: 10 }],
      cohorts: [
        { cohort: 0, traits: { type: 'otelcol', version: '1', os: 'linux', arch: 'amd64' }, size: 12 },
        { cohort: 1, traits: { version: '2', os: 'linux' }, size: 6 },
        { cohort: 2, traits: { os: 'windows' }, size: 2, counts: { waiting: 2 } },
      ],
    });
    await r.pass(100);
    const first = await r.inState(id, 'offered');
    expect([many, some, few].map((cohort) => count(first, cohort))).toEqual([1, 1, 1]);
    await answer(id);
    const half = [...(await r.inState(id, 'offered')), ...first];
    expect([many, some, few].map((cohort) => count(half, cohort))).toEqual([6, 3, 1]);
    expect((await r.rollouts.find(id))?.waves[1]?.cohorts).toMatchObject([
      { cohort: 0, size: 5, counts: { offered: 5 } },
      { cohort: 1, size: 2, counts: { offered: 2 } },
    ]);
  });

  test('offers to connected agents of a cohort first', async () => {
    const { many, some, few } = await threeCohorts();
    await r.world.disconnect([...many.slice(1), ...some.slice(1), few[0]!]);
    const id = await r.start(2, { ...noSoak, waves: ['1'] });
    await r.pass(100);
    expect((await r.inState(id, 'offered')).toSorted()).toEqual([many[0], some[0], few[1]].toSorted());
  });

  test('looks at small cohorts together where there are very many', async () => {
    const agents = await r.fleetOnV1(60);
    for (const [index, agent] of agents.slice(0, 58).entries()) await r.makeCohort([agent], `kind-${index}`);
    const id = await r.start(2, { ...noSoak, waves: ['1'] });
    const rollout = await r.rollouts.find(id);
    expect(rollout?.cohorts).toHaveLength(50);
    expect(rollout?.cohorts.at(0)).toMatchObject({ size: 2, traits: { type: '' } });
    expect(rollout?.cohorts.at(-1)).toMatchObject({ size: 10, traits: null });
    expect(rollout?.waves[0]?.size).toBe(50);
  });
});

describe('a cohort that fails', () => {
  test('stops everybody, and the event says which cohort it was', async () => {
    const { few } = await threeCohorts();
    const id = await r.start(2, { ...noSoak, waves: ['1', '100%'] });
    await r.pass(100);
    await answer(id, few);
    expect(await r.rollouts.find(id)).toMatchObject({ state: 'paused', counts: { failed: 1, waiting: 17 } });
    expect((await r.rollouts.events(id)).find(({ kind }) => kind === 'breached')).toMatchObject({
      detail: {
        gate: 'maxFailed',
        cohort: null,
        cohorts: [{ cohort: 2, name: 'otelcol 2 windows/amd64', count: 1, size: 1 }],
      },
    });
    expect(await quarantined()).toEqual([]);
  });

  test.each([
    ['pause', 'stopped', { applied: 18, failed: 1, stopped: 1 }],
    ['rollback', 'rolledBack', { applied: 18, rolledBack: 1, stopped: 1 }],
  ] as const)('alone stops where the policy says so: %s', async (onBreach, state, counts) => {
    const { few } = await threeCohorts();
    const id = await r.start(2, { ...noSoak, waves: ['1', '100%'], breachScope: 'cohort', onBreach });
    await r.pass(100);
    await answer(id, few);
    expect((await r.rollouts.find(id))?.cohorts[2]).toMatchObject({
      state,
      reason: '1 failed in wave 1, maxFailed allows 0 for otelcol 2 windows/amd64',
    });
    await r.report(await r.inState(id, 'rolledBack'), r.v1, reported.applied);
    await answer(id);
    await r.pass(300_000);
    expect(await r.rollouts.find(id)).toMatchObject({ state: 'completed', counts });
    expect(
      r.world.delivered.filter(({ agents, hash }) => hash === r.v2 && count(few, agents) > 0),
    ).toHaveLength(1);
    // Neither convergence nor a newer rollout of the version brings it there.
    await r.world.configs.convergence.sweep();
    await r.world.configs.convergence.advance();
    const again = await r.start(2);
    await r.pass(100);
    expect((await r.inState(again, 'quarantined')).toSorted()).toEqual(few);
    expect(await quarantined()).toMatchObject([
      {
        cohort: { type: 'otelcol', version: '2', os: 'windows', arch: 'amd64' },
        fleet: 'edge',
        versions: [{ configuration: 'edge', version: 2 }],
      },
    ]);
  });

  test('and stops alone is offered nothing where its agents have gone away with the offer', async () => {
    const { many, few } = await threeCohorts();
    const id = await r.start(2, { ...noSoak, waves: ['100%'], breachScope: 'cohort' });
    await r.pass(100);
    await r.world.disconnect([many[0]!, few[0]!]);
    await r.report(few.slice(1), r.v2, reported.failed, 'no');
    expect(await r.inState(id, 'deferred')).toEqual([few[0]]);
    expect(await r.world.offerCache.desired([many[0]!, few[0]!])).toEqual([r.v2, null]);
  });

  test('counts by its own part of the wave', async () => {
    const { many } = await threeCohorts();
    const id = await r.start(2, { ...noSoak, waves: ['100%'], breachScope: 'cohort', maxFailed: '10%' });
    await r.pass(100);
    await answer(id, many.slice(0, 1));
    expect(await r.rollouts.find(id)).toMatchObject({
      state: 'completed',
      counts: { failed: 1, applied: 19 },
    });
  });

  test.each([
    ['pause', 'paused'],
    ['rollback', 'rolledBack'],
  ] as const)('with all others: %s ends in %s', async (onBreach, state) => {
    const { agents } = await threeCohorts();
    const id = await r.start(2, { ...noSoak, waves: ['1', '100%'], breachScope: 'cohort', onBreach });
    await r.pass(100);
    await answer(id, agents);
    await r.report(await r.inState(id, 'rolledBack'), r.v1, reported.applied);
    expect(await r.rollouts.find(id)).toMatchObject({ state, reason: 'every cohort has stopped' });
    expect(new Set(r.world.delivered.flatMap((sent) => sent.agents)).size).toBe(3);
  });

  test('goes on with all others when a person resumes', async () => {
    const { agents } = await threeCohorts();
    const id = await r.start(2, { ...noSoak, waves: ['1', '100%'], breachScope: 'cohort' });
    await r.pass(100);
    await answer(id, agents);
    expect((await quarantined()).length).toBe(3);
    await r.ask('resume', id);
    await r.pass(100);
    expect(await quarantined()).toEqual([]);
    const resumed = (await r.rollouts.events(id)).find(({ kind }) => kind === 'resumed');
    expect(resumed?.detail['lifted']).toHaveLength(3);
    expect(resumed?.detail['lifted']).toContainEqual(
      expect.objectContaining({ type: 'otelcol', version: '2', os: 'windows', arch: 'amd64' }),
    );
    // Nobody has applied it yet: no more than the first wave at once.
    expect(await r.inState(id, 'offered')).toHaveLength(3);
    await answer(id);
    expect(await r.inState(id, 'offered')).toHaveLength(14);
    await answer(id);
    expect(await r.rollouts.find(id)).toMatchObject({
      state: 'completed',
      counts: { applied: 17, failed: 3 },
    });
  });

  test('is in quarantine as a whole where the policy says so', async () => {
    const { few } = await threeCohorts();
    const id = await r.start(2, { ...noSoak, waves: ['1', '100%'], quarantine: 'cohort' });
    await r.pass(100);
    await answer(id, few);
    await r.ask('abort', id);
    const again = await r.start(2, { ...noSoak, waves: ['100%'] });
    await r.pass(100);
    expect((await r.inState(again, 'quarantined')).toSorted()).toEqual(few);
    const [quarantine] = await quarantined();
    await r.world.inTransaction((tx) => r.world.configs.quarantines.lift(tx, 'alice', quarantine!.id));
    expect(await quarantined()).toEqual([]);
    const third = await r.start(2, { ...noSoak, waves: ['100%'] });
    await r.pass(100);
    // Who itself failed it is still in quarantine for it.
    expect(await r.inState(third, 'quarantined')).toHaveLength(1);
  });
});

describe('agents without an answer', () => {
  test('count as failed', async () => {
    await threeCohorts();
    const id = await r.start(2, { ...noSoak, applyDeadlineSeconds: 30 });
    await r.pass(31_000);
    expect(await r.rollouts.find(id)).toMatchObject({
      state: 'paused',
      reason: '3 failed in wave 1, maxFailed allows 0',
    });
  });

  test('have a gate of their own where the policy says so', async () => {
    await threeCohorts();
    const policy = { ...noSoak, applyDeadlineSeconds: 30, waves: ['3', '100%'] };
    const id = await r.start(2, { ...policy, maxNotConverged: '3' });
    await r.pass(31_000);
    expect(await r.rollouts.find(id)).toMatchObject({ state: 'running', wave: 1, counts: { failed: 3 } });
    await r.pass(61_000);
    expect(await r.rollouts.find(id)).toMatchObject({
      state: 'paused',
      reason: '6 without an answer in wave 2, maxNotConverged allows 3',
    });
  });
});
