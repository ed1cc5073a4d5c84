import type { AgentId } from '@muster/agents/agent-id';
import { reported } from '@muster/configs/test-world.postgres';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRolloutWorld, type RolloutWorld } from './test-rollouts.setup.ts';

const second = 1000;
let r: RolloutWorld;
beforeEach(async () => {
  r = await createRolloutWorld();
});
afterEach(() => r.world.close());

const quick = { waves: ['50%', '100%'], soakSeconds: 0, applyDeadlineSeconds: 30 };

async function agentOf(id: string, agent: AgentId) {
  const { items } = await r.rollouts.agents(id, { limit: 1000 });
  return items.find(({ uid }) => uid === agent);
}

async function statusOf(agent: AgentId) {
  return (await r.world.configs.agentConfigurations.many([agent])).get(agent)?.status;
}

const openQuarantines = async () =>
  (await r.world.configs.quarantines.page({ lifted: false, limit: 10 })).items;

test('APPLIED a second after the deadline counts: the breach is over, nothing goes on by itself, nothing is accepted', async () => {
  await r.fleetOnV1(4);
  const id = await r.start(2, quick);
  await r.pass(100);
  const [slow, other] = await r.inState(id, 'offered');
  await r.report([slow!], r.v2, reported.applying);
  await r.report([other!], r.v2, reported.applied);
  await r.pass(30 * second);
  expect(await r.rollouts.find(id)).toMatchObject({ state: 'paused', counts: { failed: 1 } });
  expect(await agentOf(id, slow!)).toMatchObject({ outcome: 'noAnswer', error: 'no answer within 30 s' });

  await r.report([slow!], r.v2, reported.applied);
  expect(await r.rollouts.find(id)).toMatchObject({
    state: 'paused',
    counts: { failed: 0, applied: 2 },
    reason: expect.stringContaining('no breach any more'),
  });
  expect(await agentOf(id, slow!)).toMatchObject({ state: 'applied', outcome: 'applied', error: '' });
  expect(await statusOf(slow!)).toBe('applied');
  expect((await r.rollouts.events(id)).at(-1)).toMatchObject({
    kind: 'breachEnded',
    actor: 'system',
    detail: { gate: 'maxFailed', count: 0, allowed: 0 },
  });
  await r.pass(600 * second);
  expect((await r.rollouts.find(id))?.state).toBe('paused');

  await r.ask('resume', id);
  expect((await r.rollouts.events(id)).at(-1)).toMatchObject({ kind: 'resumed', detail: { accepted: [] } });
  await r.pass(second);
  const [bad] = await r.inState(id, 'offered');
  await r.report([bad!], r.v2, reported.failed, 'no');
  expect((await r.rollouts.find(id))?.state).toBe('paused');
});

test('what had been accepted makes no room for others once it was no failure', async () => {
  await r.fleetOnV1(4);
  const id = await r.start(2, { ...quick, waves: ['100%'] });
  await r.pass(100);
  const [slow, failing, ...others] = await r.inState(id, 'offered');
  await r.report(others, r.v2, reported.applied);
  await r.pass(15 * second);
  await r.world.disconnect([failing!]);
  await r.pass(15 * second);
  await r.ask('resume', id);
  await r.report([slow!], r.v2, reported.applied);
  await r.world.connect([failing!]);
  await r.engine.onAgentsChanged([failing!]);
  await r.pass(second);
  await r.report([failing!], r.v2, reported.failed, 'no');
  expect(await r.rollouts.find(id)).toMatchObject({ counts: { failed: 1 } });
  expect((await r.kinds(id)).filter((kind) => kind === 'breached')).toHaveLength(2);
});

test('FAILED after the deadline takes the place of no answer, and puts the agent into quarantine', async () => {
  const agents = await r.fleetOnV1(2);
  const id = await r.start(2, { ...quick, waves: ['100%'], maxFailed: '1', maxNotConverged: '1' });
  await r.pass(100);
  await r.report([agents[1]!], r.v2, reported.applied);
  await r.pass(30 * second);
  expect(await agentOf(id, agents[0]!)).toMatchObject({ outcome: 'noAnswer' });
  expect((await r.rollouts.find(id))?.state).toBe('completed');
  await r.report([agents[0]!], r.v2, reported.failed, 'port taken');
  expect(await agentOf(id, agents[0]!)).toMatchObject({
    state: 'failed',
    outcome: 'failed',
    outcomeReason: 'port taken',
    error: 'port taken',
  });
  expect(await openQuarantines()).toMatchObject([{ scope: 'agent', reason: 'port taken' }]);
});

test('after the end too: a late APPLIED, and FAILED after APPLIED', async () => {
  const agents = await r.fleetOnV1(3);
  const id = await r.start(2, { ...quick, waves: ['100%'], maxFailed: '1' });
  await r.pass(100);
  await r.report(agents.slice(1), r.v2, reported.applied);
  await r.pass(30 * second);
  expect(await r.rollouts.find(id)).toMatchObject({ state: 'completed', counts: { failed: 1, applied: 2 } });
  await r.report(agents.slice(0, 1), r.v2, reported.applied);
  expect(await r.rollouts.find(id)).toMatchObject({ state: 'completed', counts: { failed: 0, applied: 3 } });
  expect(await statusOf(agents[0]!)).toBe('applied');
  await r.report(agents.slice(2), r.v2, reported.failed, 'crashed');
  expect(await r.rollouts.find(id)).toMatchObject({ counts: { failed: 1, applied: 2 } });
  expect(await agentOf(id, agents[2]!)).toMatchObject({ outcome: 'failed', error: 'crashed' });
});

test('an aborted rollout believes an offer that is answered after it, but nothing that a newer one brought about', async () => {
  const agents = await r.fleetOnV1(2);
  const first = await r.start(2, { ...quick, waves: ['100%'] });
  await r.pass(100);
  await r.ask('abort', first);
  expect(await r.inState(first, 'offered')).toHaveLength(2);
  await r.report(agents.slice(0, 1), r.v2, reported.applied);
  expect(await r.inState(first, 'applied')).toEqual(agents.slice(0, 1));
  const newer = await r.start(2, { ...quick, waves: ['100%'] });
  await r.pass(100);
  await r.report(agents, r.v2, reported.applied);
  expect((await r.rollouts.find(newer))?.state).toBe('completed');
  expect(await r.inState(first, 'offered')).toEqual(agents.slice(1));
});

test('an agent that was given up, went away and comes back with it', async () => {
  const agents = await r.fleetOnV1(2);
  const id = await r.start(2, { ...quick, waves: ['100%'] });
  await r.pass(31 * second);
  expect(await r.rollouts.find(id)).toMatchObject({ state: 'paused', counts: { failed: 2 } });
  await r.world.disconnect(agents);
  await r.pass(60 * second);
  await r.world.connect(agents);
  // Neither says anything of it.
  await r.report(agents.slice(1), '', 0);
  await r.report(agents.slice(0, 1), r.v2, reported.applied);
  expect(await r.rollouts.find(id)).toMatchObject({ state: 'paused', counts: { failed: 1, applied: 1 } });
  expect(await r.kinds(id)).not.toContain('breachEnded');
});

test.each([
  ['a cohort that stopped', { breachScope: 'cohort' }],
  ['cohorts that breached the gate of all', { quarantine: 'cohort' }],
  ['a cohort that goes back', { breachScope: 'cohort', onBreach: 'rollback' }],
  ['cohorts of a rollout that goes back', { quarantine: 'cohort', onBreach: 'rollback' }],
])('%s for no answers leaves quarantine when they answer', async (_name, policy) => {
  const agents = await r.fleetOnV1(4);
  await r.makeCohort(agents.slice(0, 2), 'edge');
  await r.makeCohort(agents.slice(2), 'core');
  const id = await r.start(2, { ...quick, ...policy, waves: ['100%'] });
  await r.pass(100);
  await r.report(agents.slice(2), r.v2, reported.applied);
  await r.pass(30 * second);
  expect(await openQuarantines()).toMatchObject([{ scope: 'cohort', cohort: { type: 'edge' } }]);
  const [quarantine] = await openQuarantines();
  await r.report(agents.slice(0, 1), r.v2, reported.applied);
  expect(await openQuarantines()).toHaveLength(1);
  await r.report(agents.slice(1, 2), r.v2, reported.applied);
  expect(await openQuarantines()).toEqual([]);
  expect((await r.rollouts.events(id)).find(({ kind }) => kind === 'breachEnded')).toMatchObject({
    detail: { lifted: [quarantine!.id] },
  });
});

test('what an agent made of its offer stays when it is taken back, and is asked for', async () => {
  const agents = await r.fleetOnV1(4);
  const id = await r.start(2, { ...quick, waves: ['100%'], onBreach: 'rollback', maxFailed: '1' });
  await r.pass(100);
  await r.report(agents.slice(0, 1), r.v2, reported.applied);
  await r.report(agents.slice(1, 2), r.v2, reported.failed, 'port taken');
  await r.pass(31 * second);
  // Before it has taken what it goes back to.
  await r.report(agents.slice(3), r.v2, reported.failed, 'too late');
  await r.report(agents, r.v1, reported.applied);
  expect((await r.rollouts.find(id))?.state).toBe('rolledBack');
  const asked = async (query: Parameters<RolloutWorld['rollouts']['agents']>[1]) =>
    (await r.rollouts.agents(id, query)).items;
  expect(await asked({ outcome: 'failed', limit: 10 })).toMatchObject([
    { uid: agents[1], state: 'rolledBack', outcomeReason: 'port taken' },
    { uid: agents[3], state: 'rolledBack', outcomeReason: 'too late' },
  ]);
  expect(await asked({ outcome: 'noAnswer', state: 'rolledBack', limit: 10 })).toMatchObject([
    { uid: agents[2], outcomeReason: 'no answer within 30 s' },
  ]);
  expect(await asked({ outcome: 'applied', limit: 10 })).toMatchObject([
    { uid: agents[0], outcomeReason: '' },
  ]);
  expect(await asked({ state: 'failed', limit: 10 })).toEqual([]);
  expect((await asked({ limit: 10 }))[0]).toMatchObject({ outcome: 'failed' });
});
