import type { AgentId } from '@muster/agents/agent-id';
import { reported } from '@muster/configs/test-world.postgres';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRolloutWorld, type RolloutWorld } from './test-rollouts.setup.ts';

const second = 1000;
const statusOnly = 0x1;
const template = `receivers: {nop: }
exporters: {nop: , debug: }
service: {pipelines: {logs: {receivers: [nop], exporters: ["{{ labels.exporter }}"]}}}
`;
const collector = { receivers: ['nop'], exporters: ['nop', 'debug'] };

let made: RolloutWorld;
let agents: AgentId[];
beforeEach(async () => {
  made = await createRolloutWorld();
  agents = await made.fleetOnV1(10);
});
afterEach(() => made.world.close());

const preview = (version: number, policy?: unknown) =>
  made.blastRadii.preview({ fleet: 'edge', configuration: 'edge', version, policy });

async function version(body: string): Promise<number> {
  const { world } = made;
  const { version: number } = await world.inTransaction((tx) =>
    world.configs.configurations.createVersion(tx, 'test', { name: 'edge', body }),
  );
  return number;
}

async function label(some: readonly AgentId[], labels: Record<string, string>): Promise<void> {
  await made.world.db
    .updateTable('agents')
    .set({ labels: JSON.stringify({ role: 'edge', ...labels }) })
    .where('uid', 'in', some)
    .execute();
}

async function traits(some: readonly AgentId[], number: string): Promise<void> {
  const columns = { type: 'otelcol', version: number, os: 'linux', arch: 'amd64' };
  await made.world.db.updateTable('agents').set(columns).where('uid', 'in', some).execute();
}

test('agents with the same text now and then are one change, by cohort, with what is added and removed', async () => {
  await traits(agents.slice(0, 4), '1.0');
  await traits(agents.slice(4), '2.0');
  await label(agents.slice(0, 7), { exporter: 'nop' });
  await label(agents.slice(7), { exporter: 'debug' });
  const radius = await preview(await version(template), { waves: ['1', '50%'] });
  expect(radius).toMatchObject({ agents: 10, touched: 10, waves: [2, 3, 5], skipped: [] });
  expect(radius.changes).toMatchObject([
    {
      from: made.v1,
      agents: 7,
      cohorts: [
        { version: '1.0', agents: 4 },
        { version: '2.0', agents: 3 },
      ],
      added: ['exporters/debug'],
      removed: [],
    },
    { from: made.v1, agents: 3, cohorts: [{ version: '2.0', os: 'linux', arch: 'amd64', agents: 3 }] },
  ]);
  expect(radius.changes[0]!.diff).toContain('+exporters: {nop: , debug: }');
  expect(radius.changes[0]!.sample.every((uid) => agents.slice(0, 7).includes(uid))).toBe(true);
  expect(await made.world.db.selectFrom('rollouts').selectAll().where('version', '=', 3).execute()).toEqual(
    [],
  );
});

test('says who is skipped, and why; the rollout does what it says', async () => {
  const { world } = made;
  await label(agents, { exporter: 'debug' });
  await world.madeOf(agents, collector);
  const [blind, unlabelled, lacking, failed, offline, ...rest] = agents as [
    AgentId,
    AgentId,
    AgentId,
    AgentId,
    AgentId,
  ];
  await world.db
    .updateTable('agent_states')
    .set({ capabilities: statusOnly })
    .where('uid', '=', blind)
    .execute();
  await label([unlabelled], {});
  await world.madeOf([lacking], { ...collector, exporters: ['nop'] });
  await world.report([failed], made.v2, reported.failed, 'no such port');
  await world.disconnect([offline]);
  const skipped = (await preview(await version(template))).skipped;
  expect(skipped).toContainEqual({
    reason: 'noCapability',
    detail: 'does not accept remote configuration',
    agents: 1,
    sample: [blind],
  });
  expect(skipped).toContainEqual({
    reason: 'notRenderable',
    detail: 'body: undefined variable: labels.exporter (line 3, column 64)',
    agents: 1,
    sample: [unlabelled],
  });
  expect(skipped).toContainEqual({
    reason: 'missingComponent',
    detail: expect.stringContaining('"debug"'),
    agents: 1,
    sample: [lacking],
  });
  expect(skipped).toContainEqual(expect.objectContaining({ reason: 'offline', sample: [offline] }));
  expect((await preview(2)).skipped).toContainEqual({
    reason: 'quarantine',
    detail: 'no such port',
    agents: 1,
    sample: [failed],
  });

  await expect(made.start(3)).rejects.toMatchObject({
    code: 'not-renderable',
    message: expect.stringContaining(
      `labels.exporter (line 3, column 64); this concerns 1 of the fleet's agents, such as ${unlabelled}`,
    ),
  });
  await label([unlabelled], { exporter: 'nop' });
  const id = await made.start(3, { waves: ['100%'] });
  await made.pass(second);
  expect(world.sentTo(lacking)).not.toContain(expect.anything());
  const rows = await world.db
    .selectFrom('rollout_agents')
    .select('uid')
    .where('rollout_id', '=', id)
    .execute();
  expect(rows.map(({ uid }) => uid).toSorted()).toEqual([unlabelled, failed, offline, ...rest].toSorted());
  const [started] = await made.rollouts.events(id);
  expect(started!.detail).toMatchObject({
    skipped: [{ agents: 1, reason: expect.stringContaining('"debug" among its exporters') }],
  });
});

test('a text that no collector can read is a problem of the preview, and does not start', async () => {
  const broken = await version('receivers:\n\totlp: "{{ labels.exporter }}"\n');
  await label(agents.slice(0, 7), { exporter: 'nop' });
  await label(agents.slice(7), { exporter: 'debug' });
  const { problems, touched, skipped } = await preview(broken);
  expect(touched).toBe(0);
  expect(skipped.map(({ reason, agents }) => ({ reason, agents }))).toEqual([
    { reason: 'notRenderable', agents: 10 },
  ]);
  expect(problems).toContainEqual(
    expect.objectContaining({
      severity: 'error',
      line: 2,
      column: 1,
      agents: expect.objectContaining({ length: 10 }),
    }),
  );
  const reason = expect.stringMatching(
    /^body: .*\(line 2, column 1\); this concerns 10 of the fleet's agents, such as /,
  );
  await expect(made.start(broken)).rejects.toMatchObject({ code: 'not-renderable', message: reason });
  expect((await preview(await version(template))).problems).toEqual([
    expect.objectContaining({ severity: 'warning', path: 'exporters.debug' }),
    expect.objectContaining({ severity: 'warning', path: 'exporters.nop' }),
  ]);
});

test('a text that is empty for some agents does not start, and says for whom', async () => {
  const whole = template.replaceAll('{{ labels.exporter }}', 'nop');
  const empty = await version(`{% if labels.exporter == "nop" %}${whole}{% endif %}`);
  await label(agents, { exporter: 'nop' });
  await label(agents.slice(8), { exporter: 'debug' });
  const { skipped, touched } = await preview(empty);
  expect(touched).toBe(8);
  expect(skipped).toEqual([
    {
      reason: 'notRenderable',
      detail: expect.stringContaining('the configuration is empty'),
      agents: 2,
      sample: agents.slice(8),
    },
  ]);
  await expect(made.start(empty)).rejects.toMatchObject({
    code: 'not-renderable',
    message: expect.stringMatching(
      /^body: the configuration is empty.*this concerns 2 of the fleet's agents/,
    ),
  });
  expect(await made.rollouts.find(await made.start(2))).toMatchObject({ state: 'running' });
});

test('one that was put off ends with the reason, and is not tried again', async () => {
  const broken = await version('receivers:\n\totlp: "{{ agent.uid }}"\n');
  const id = await made.start(broken, {}, { startAt: new Date(made.world.clock.now + 5 * second) });
  await made.pass(6 * second);
  expect(await made.rollouts.find(id)).toMatchObject({
    state: 'aborted',
    reason: expect.stringMatching(/^cannot start: body: .*\(line 2, column 1\)/),
  });
  expect(made.queue.due.has(id)).toBe(false);
});

test('a version that nobody can run waits for a person, and nothing is made stable', async () => {
  await made.world.madeOf(agents, { ...collector, receivers: ['otlp'] });
  await label(agents, { exporter: 'debug' });
  const id = await made.start(await version(template));
  await made.pass(second);
  expect(await made.rollouts.find(id)).toMatchObject({
    state: 'paused',
    reason: expect.stringContaining('no agent can take it: the agent has no "nop" among its receivers'),
  });
  expect((await made.world.configs.fleets.find('edge'))!.version).toBe(1);
});

test('an agent that lacks a component is not converged to the stable version either, until it has it', async () => {
  const { world } = made;
  const id = await made.start(await version(template.replace('"{{ labels.exporter }}"', 'debug, nop')), {
    waves: ['100%'],
    soakSeconds: 0,
  });
  await world.madeOf(agents, collector);
  await made.pass(second);
  const { hash } = await world.db
    .selectFrom('rollout_agents')
    .select('hash')
    .where('rollout_id', '=', id)
    .executeTakeFirstOrThrow();
  await world.report(agents, hash.toString('hex'), reported.applied);
  await made.engine.advance(id);
  expect((await made.rollouts.find(id))!.state).toBe('completed');

  const [newcomer] = await world.enrol(1, { labels: { role: 'edge' } });
  await world.madeOf([newcomer!], { ...collector, exporters: ['nop'] });
  await world.inTransaction((tx) => world.configs.membership.place(tx, [newcomer!]));
  const converge = async () => {
    await world.configs.convergence.sweep();
    await world.configs.convergence.advance();
    world.clock.now += second;
  };
  await converge();
  await converge();
  expect(world.sentTo(newcomer!)).toEqual([]);
  const state = await world.configs.agentConfigurations.many([newcomer!]);
  expect(state.get(newcomer!)).toMatchObject({
    status: 'failed',
    error: expect.stringContaining('no "debug" among its exporters'),
  });
  await world.madeOf([newcomer!], collector);
  await converge();
  expect(world.sentTo(newcomer!)).toEqual([hash.toString('hex')]);
});
