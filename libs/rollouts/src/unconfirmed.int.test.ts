import { createHash } from 'node:crypto';
import type { AgentId } from '@muster/agents/agent-id';
import { reported } from '@muster/configs/test-world.postgres';
import { EffectiveConfig } from '@muster/opamp/opamp';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRolloutWorld, type RolloutWorld } from './test-rollouts.setup.ts';

const second = 1000;
/** Accepts remote configs and reports health. */
const mute = 0x0803;
const reportsEffective = mute | 0x4;

let r: RolloutWorld;
beforeEach(async () => {
  r = await createRolloutWorld();
});
afterEach(() => r.world.close());

const quick = { waves: ['100%'], soakSeconds: 0, applyDeadlineSeconds: 30, maxNotConverged: '0' };

async function fleet(count: number, capabilities: number): Promise<AgentId[]> {
  const agents = await r.world.enrol(count, { labels: { role: 'edge' }, capabilities });
  await r.world.putFleet('edge', 'role=edge');
  return agents;
}

/** As its gateway tells. */
async function sent(agents: readonly AgentId[], hash: string): Promise<void> {
  await sql`
    update agent_states set offered_config_hash = ${Buffer.from(hash, 'hex')}, offer_error = '',
      offered_at = ${new Date(r.world.clock.now)} where uid = any(${agents}::uuid[])`.execute(r.world.db);
  await r.engine.onAgentsChanged(agents);
  await r.pass(100);
}

/** What the agents say they run; found by the search for drift. */
async function runs(agents: readonly AgentId[], text: string): Promise<void> {
  const body = Buffer.from(
    EffectiveConfig.encode({
      configMap: { configMap: { '': { body: Buffer.from(text), contentType: 'text/yaml' } } },
    }).finish(),
  );
  const hash = createHash('sha256').update(body).digest();
  await sql`insert into report_contents (hash, body) values (${hash}, ${body}) on conflict do nothing`.execute(
    r.world.db,
  );
  await sql`update agent_states set effective_config_hash = ${hash} where uid = any(${agents}::uuid[])`.execute(
    r.world.db,
  );
  await r.world.configs.driftReconciler.turn();
  await r.engine.onAgentsChanged(agents);
  await r.pass(100);
}

const text =
  'receivers: {nop: }\nexporters: {nop: }\nservice: {pipelines: {logs: {receivers: [nop], exporters: [nop]}}}\n';

test('agents that report neither are unconfirmed once they were sent it, and hold nothing up', async () => {
  const agents = await fleet(2, mute);
  expect(await r.blastRadii.preview({ fleet: 'edge', configuration: 'edge', version: 1 })).toMatchObject({
    touched: 2,
    cannotSay: { byEffectiveConfig: 0, unconfirmed: 2 },
  });
  const id = await r.start(1, quick);
  expect((await r.rollouts.events(id))[0]).toMatchObject({
    kind: 'started',
    detail: { cannotSay: { byEffectiveConfig: 0, unconfirmed: 2 } },
  });
  await r.pass(100);
  expect(await r.inState(id, 'offered')).toHaveLength(2);
  await sent(agents, r.v1);
  expect(await r.rollouts.find(id)).toMatchObject({
    state: 'completed',
    counts: { unconfirmed: 2, failed: 0 },
  });
  expect((await r.rollouts.agents(id, { outcome: 'unconfirmed', limit: 10 })).items).toHaveLength(2);
  expect(await r.world.configs.fleets.find('edge')).toMatchObject({ version: 1 });
  expect(r.world.sentTo(agents[0]!)).toEqual([r.v1]);
});

test('they are waited for until the deadline at most, and pause nothing by no answer', async () => {
  const agents = await fleet(2, mute);
  const id = await r.start(1, quick);
  await r.pass(29 * second);
  expect(await r.rollouts.find(id)).toMatchObject({ state: 'running', counts: { offered: 2 } });
  await r.pass(second);
  expect(await r.rollouts.find(id)).toMatchObject({ state: 'completed', counts: { unconfirmed: 2 } });
  expect(r.world.sentTo(agents[0]!)).toEqual([r.v1]);
});

test('their health counts, and they are taken back', async () => {
  const agents = await fleet(2, mute);
  const id = await r.start(1, { ...quick, soakSeconds: 60, maxUnhealthy: '0', onBreach: 'rollback' });
  await r.pass(100);
  await sent(agents, r.v1);
  await r.world.reportHealth(agents.slice(0, 1), false);
  await r.engine.onAgentsChanged(agents);
  await r.pass(second);
  expect(await r.kinds(id)).toContain('breached');
  expect(await r.rollouts.find(id)).toMatchObject({ state: 'rolledBack', counts: { rolledBack: 2 } });
  expect((await r.rollouts.agents(id, { outcome: 'unconfirmed', limit: 10 })).items).toHaveLength(2);
});

test('they go back to what they were sent before', async () => {
  const agents = await fleet(2, mute);
  await r.start(1, quick);
  await r.pass(100);
  await sent(agents, r.v1);
  const id = await r.start(2, { ...quick, soakSeconds: 60 });
  await r.pass(100);
  await sent(agents, r.v2);
  await r.ask('rollback', id);
  await r.pass(31 * second);
  expect(await r.rollouts.find(id)).toMatchObject({ state: 'rolledBack', counts: { rolledBack: 2 } });
  expect(r.world.sentTo(agents[0]!)).toEqual([r.v1, r.v2, r.v1]);
});

test('one that reports what it runs is judged by that: before the deadline, after it, and not by something else', async () => {
  const agents = await fleet(3, reportsEffective);
  const [prompt, late, other] = agents;
  expect(await r.blastRadii.preview({ fleet: 'edge', configuration: 'edge', version: 1 })).toMatchObject({
    cannotSay: { byEffectiveConfig: 3, unconfirmed: 0 },
  });
  const id = await r.start(1, { ...quick, soakSeconds: 100 });
  await r.pass(100);
  await sent(agents, r.v1);
  await runs([other!], text.replaceAll('nop', 'otlp'));
  await runs([prompt!], `${text}extensions: {opamp: }\n`);
  expect(await r.rollouts.find(id)).toMatchObject({ counts: { applied: 1, offered: 2 } });
  expect(await r.world.configs.agentConfigurations.statusCounts()).toMatchObject({ applied: 1, offered: 2 });
  await r.pass(31 * second);
  expect(await r.rollouts.find(id)).toMatchObject({
    state: 'running',
    counts: { applied: 1, unconfirmed: 2 },
  });
  await runs([late!], text);
  expect(await r.rollouts.find(id)).toMatchObject({ counts: { applied: 2, unconfirmed: 1 } });
  expect(await r.inState(id, 'unconfirmed')).toEqual([other]);
});

test('an effective config that cannot be read confirms nothing', async () => {
  const [agent] = await fleet(1, reportsEffective);
  const id = await r.start(1, quick);
  await r.pass(100);
  await sent([agent!], r.v1);
  await runs([agent!], 'receivers: [');
  expect(await r.rollouts.find(id)).toMatchObject({ counts: { offered: 1 } });
  await r.pass(30 * second);
  expect(await r.rollouts.find(id)).toMatchObject({ state: 'completed', counts: { unconfirmed: 1 } });
});

test('beside agents that can say, only those are waited for and can fail it', async () => {
  const silent = await r.fleetOnV1(1);
  const agents = await fleet(1, mute);
  const id = await r.start(2, quick);
  await r.pass(100);
  await sent(agents, r.v2);
  await r.report(silent, r.v2, reported.applying);
  expect(await r.rollouts.find(id)).toMatchObject({ counts: { offered: 1, unconfirmed: 1 } });
  await r.pass(30 * second);
  expect(await r.rollouts.find(id)).toMatchObject({
    state: 'paused',
    reason: '1 without an answer in wave 1, maxNotConverged allows 0',
    counts: { failed: 1, unconfirmed: 1 },
  });
});

test('they are not looked for as drift, again and again', async () => {
  const agents = await fleet(1, mute);
  await r.start(1, quick);
  await r.pass(100);
  await sent(agents, r.v1);
  r.world.clock.now += 3600 * second;
  await r.world.configs.driftReconciler.turn();
  expect(r.world.sentTo(agents[0]!)).toEqual([r.v1]);
});
