import type { AgentId } from '@muster/agents/agent-id';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTestWorld, reported, type TestWorld } from './test-world.postgres.ts';

const body = `receivers: {nop: }
exporters: {nop: }
service:
  telemetry: {resource: {region: "{{ labels.region }}", gateway: "{{ variables.gateway }}"}}
  pipelines: {logs: {receivers: [nop], exporters: [nop]}}
`;
const overlays = [{ selector: 'tier=gold', body: 'service: {telemetry: {resource: {tier: gold}}}' }];

let world: TestWorld;
beforeEach(async () => {
  world = await createTestWorld();
  await world.inTransaction((tx) =>
    world.configs.configurations.create(tx, 'test', { name: 'base', body, overlays }),
  );
  await world.inTransaction((tx) =>
    world.configs.fleets.put(tx, 'test', { name: 'all', selector: '', variables: { gateway: 'gw-1' } }),
  );
  await world.db
    .updateTable('fleets')
    .set({ configuration: 'base', version: 1, stable_variables: JSON.stringify({ gateway: 'gw-1' }) })
    .execute();
});
afterEach(() => world.close());

async function come(count: number, labels: Record<string, string>): Promise<AgentId[]> {
  const agents = await world.enrol(count, { labels });
  await world.inTransaction((tx) => world.configs.membership.place(tx, agents));
  await converge(agents);
  return agents;
}

async function converge(agents: readonly AgentId[]): Promise<void> {
  await world.configs.convergence.consider(agents);
  await world.configs.convergence.advance();
  world.clock.now += 1000;
}

async function sent(agent: AgentId): Promise<string[]> {
  const rows = await world.db.selectFrom('rendered_configs').select(['hash', 'files']).execute();
  const texts = new Map(rows.map(({ hash, files }) => [hash.toString('hex'), files['']!]));
  return world.sentTo(agent).map((hash) => texts.get(hash)!);
}

async function relabel(agent: AgentId, labels: Record<string, string>): Promise<void> {
  await world.db
    .updateTable('agents')
    .set({ labels: JSON.stringify(labels) })
    .where('uid', '=', agent)
    .execute();
}

test('each agent gets its own bytes; the same inputs are rendered and stored once', async () => {
  const eu = await come(1, { region: 'eu' });
  await world.report(eu, world.sentTo(eu[0]!)[0]!, reported.applied);
  eu.push(...(await come(1, { region: 'eu' })));
  const [us] = await come(1, { region: 'us', tier: 'gold' });
  expect(await sent(eu[0]!)).toEqual([
    body.replace('{{ labels.region }}', 'eu').replace('{{ variables.gateway }}', 'gw-1'),
  ]);
  expect((await sent(us!))[0]).toMatch(/region: "us", gateway: "gw-1", tier: gold/);
  expect(new Set(eu.flatMap((agent) => world.sentTo(agent))).size).toBe(1);
  expect(await world.db.selectFrom('rendered_configs').selectAll().execute()).toHaveLength(2);
});

test('an agent whose label changes gets its new text, once; what nothing reads changes nothing', async () => {
  const [agent] = await come(1, { region: 'eu' });
  await world.report([agent!], world.sentTo(agent!)[0]!, reported.applied);
  await relabel(agent!, { region: 'eu', other: 'x' });
  await converge([agent!]);
  expect(await sent(agent!)).toHaveLength(1);
  await relabel(agent!, { region: 'ap' });
  await world.configs.convergence.sweep();
  await world.configs.convergence.advance();
  await converge([agent!]);
  expect(await sent(agent!)).toEqual([expect.stringContaining('"eu"'), expect.stringContaining('"ap"')]);
});

test('an agent without the variable keeps what it has, says so, and gets it when it has one', async () => {
  const [agent] = await come(1, {});
  expect(await sent(agent!)).toEqual([]);
  const state = async () => (await world.configs.agentConfigurations.many([agent!])).get(agent!)!;
  expect(await state()).toMatchObject({
    status: 'failed',
    error: 'body: undefined variable: labels.region (line 4, column 38)',
  });
  await relabel(agent!, { region: 'eu' });
  await converge([agent!]);
  expect(await sent(agent!)).toEqual([expect.stringContaining('"eu"')]);
  expect(await state()).toMatchObject({ status: 'offered', error: null });
});

test('a version that cannot be merged for an agent concerns that one alone', async () => {
  const merging = [{ selector: 'tier=gold', body: 'tier: {{ labels.tier }}: x: y' }];
  await world.inTransaction((tx) =>
    world.configs.configurations.createVersion(tx, 'test', { name: 'base', body, overlays: merging }),
  );
  await world.db.updateTable('fleets').set({ version: 2 }).execute();
  const [gold] = await come(1, { region: 'eu', tier: 'gold' });
  const [other] = await come(1, { region: 'eu' });
  expect(await sent(gold!)).toEqual([]);
  expect(await sent(other!)).toHaveLength(1);
  expect((await world.configs.agentConfigurations.many([gold!])).get(gold!)).toMatchObject({
    status: 'failed',
    error: expect.stringMatching(/^overlays\[0\]: .*\(line 1, column 7\)$/),
  });
});

describe('a text that no collector could run', () => {
  const forWindows = `{% if labels.os == "windows" %}${body.replace('{{ labels.region }}', 'eu')}{% endif %}`;

  async function stable(text: string, files = {}): Promise<void> {
    const { version } = await world.inTransaction((tx) =>
      world.configs.configurations.createVersion(tx, 'test', { name: 'base', body: text, files }),
    );
    await world.db.updateTable('fleets').set({ version }).where('name', '=', 'all').execute();
  }
  const state = async (agent: AgentId) => (await world.configs.agentConfigurations.many([agent])).get(agent)!;
  const empty = expect.stringContaining('the configuration is empty');

  test('is not given to those that come, who say so; the others get theirs', async () => {
    await stable(forWindows);
    const [linux] = await come(1, { os: 'linux' });
    const [windows] = await come(1, { os: 'windows' });
    expect(await sent(linux!)).toEqual([]);
    expect(await sent(windows!)).toHaveLength(1);
    expect(await state(linux!)).toMatchObject({ status: 'failed', error: empty });
    const { configuration } = await world.configs.explanations.explain(linux!);
    expect(configuration).toMatchObject({ error: empty, hash: null, targetHash: null, files: { '': '' } });
    expect(await world.db.selectFrom('rendered_configs').selectAll().execute()).toHaveLength(1);
  });

  test('is not given to an agent whose label changes: it keeps what it has, and says so', async () => {
    await stable(forWindows);
    const [agent] = await come(1, { os: 'windows' });
    await world.report([agent!], world.sentTo(agent!)[0]!, reported.applied);
    await relabel(agent!, { os: 'linux' });
    for (let n = 0; n < 3; n++) {
      await world.configs.convergence.sweep();
      await converge([agent!]);
    }
    expect(await sent(agent!)).toHaveLength(1);
    expect(await state(agent!)).toMatchObject({ status: 'failed', error: empty });
    const { configuration } = await world.configs.explanations.explain(agent!);
    expect(configuration).toMatchObject({
      targetHash: world.sentTo(agent!)[0],
      next: { hash: null, error: empty },
    });
    await relabel(agent!, { os: 'windows' });
    await converge([agent!]);
    expect(await sent(agent!)).toHaveLength(1);
    expect(await state(agent!)).toMatchObject({ status: 'applied', error: null });
  });

  test('is not given to an agent that moves to another fleet', async () => {
    const [agent] = await come(1, { region: 'eu', os: 'linux' });
    await world.report([agent!], world.sentTo(agent!)[0]!, reported.applied);
    await stable(forWindows);
    await world.putFleet('moved', 'region=eu', { priority: 5 });
    await world.db
      .updateTable('fleets')
      .set({ configuration: 'base', version: 2, stable_variables: JSON.stringify({ gateway: 'gw-1' }) })
      .where('name', '=', 'moved')
      .execute();
    await converge([agent!]);
    expect(await sent(agent!)).toHaveLength(1);
    expect(await state(agent!)).toMatchObject({ status: 'failed', error: empty });
  });

  test.each([
    ['is the same for all agents', '{% if false %}a: 1{% endif %}', {}, 'the configuration is empty'],
    [
      'names what is not there',
      body.replace('exporters: [nop]', 'exporters: ["{{ labels.os }}"]'),
      {},
      '"linux" is not',
    ],
    ['names what no file has', '', { 'a.yaml': body.replace('receivers: {nop: }\n', '') }, '"nop" is not'],
    ['is no mapping', '- {{ labels.os }}', {}, 'a mapping'],
    ['has a key twice', 'a: 1\n{{ labels.os }}: 2\nlinux: 3', {}, '"linux" is there twice'],
  ])('also if it %s', async (_what, text, files, reason) => {
    await stable(text, files);
    const [agent] = await come(1, { region: 'eu', os: 'linux' });
    expect(await sent(agent!)).toEqual([]);
    expect(await state(agent!)).toMatchObject({ status: 'failed', error: expect.stringContaining(reason) });
    expect(await world.db.selectFrom('rendered_configs').selectAll().execute()).toEqual([]);
  });

  test('nor are braces that are no template, of a version that is older than their check', async () => {
    await stable('receivers: {nop: }\n');
    await world.db
      .updateTable('configuration_versions')
      .set({ body: "receivers: {nop: {regex: '^[0-9]{{2}}$'}}\n" })
      .where('version', '=', 2)
      .execute();
    const [agent] = await come(1, {});
    expect(await sent(agent!)).toEqual([]);
    expect(await state(agent!)).toMatchObject({
      status: 'failed',
      error: expect.stringMatching(/\{\{2\}\} reads no variable: .*raw.*\(line 1, column 33\)/),
    });
  });
});

test("a fleet's new variables wait for a rollout", async () => {
  const [agent] = await come(1, { region: 'eu' });
  await world.inTransaction((tx) =>
    world.configs.fleets.put(tx, 'test', { name: 'all', selector: '', variables: { gateway: 'gw-2' } }),
  );
  await converge([agent!]);
  expect(await sent(agent!)).toEqual([expect.stringContaining('gw-1')]);
  const preview = await world.configs.explanations.preview('base', undefined, agent!);
  expect(preview.files!['']).toContain('gw-2');
});

test('explains which fleet, overlays and variables gave an agent its text', async () => {
  const [agent] = await come(1, { region: 'eu', tier: 'gold' });
  await world.putFleet('gold', 'tier=gold', { priority: -5 });
  const explained = await world.configs.explanations.explain(agent!);
  expect(explained).toMatchObject({
    fleets: [
      { name: 'all', priority: 0, wins: true },
      { name: 'gold', priority: -5, wins: false },
    ],
    why: 'Fleet "all" has the highest priority of those that match, 0.',
    configuration: {
      name: 'base',
      version: 1,
      source: 'stable',
      overlays: [{ index: 0, selector: 'tier=gold', file: '', applied: true }],
      variables: [
        { name: 'labels.region', value: 'eu' },
        { name: 'variables.gateway', value: 'gw-1' },
      ],
      error: null,
      targetHash: world.sentTo(agent!)[0],
      hash: world.sentTo(agent!)[0],
    },
  });
  expect(explained.configuration!.files!['']).toContain('tier: gold');
});

describe('explains what an agent has', () => {
  const explain = (agent: AgentId) => world.configs.explanations.explain(agent);

  async function moveTo(agent: AgentId, labels: Record<string, string>): Promise<void> {
    await relabel(agent, labels);
    await world.inTransaction((tx) => world.configs.membership.place(tx, [agent]));
  }

  test('after a change: the text it was given, and the one that is to come', async () => {
    const [agent] = await come(1, { region: 'eu' });
    await relabel(agent!, { region: 'us' });
    const { configuration } = await explain(agent!);
    expect(configuration!.files!['']).toContain('region: "eu"');
    expect(configuration).toMatchObject({
      hash: world.sentTo(agent!)[0],
      targetHash: world.sentTo(agent!)[0],
    });
    expect(configuration!.next).toMatchObject({ name: 'base', version: 1, error: null });
    expect(configuration!.next!.files!['']).toContain('region: "us"');
  });

  test('after a move to a fleet without a configuration: what it had, and that it keeps it', async () => {
    await world.inTransaction((tx) =>
      world.configs.configurations.create(tx, 'test', { name: 'named', body: `# {{ fleet.name }}\n${body}` }),
    );
    await world.db.updateTable('fleets').set({ configuration: 'named' }).execute();
    const [agent] = await come(1, { region: 'eu' });
    await world.putFleet('bare', 'moved', { priority: 5 });
    await moveTo(agent!, { region: 'eu', moved: '' });
    const explained = await explain(agent!);
    expect(explained.why).toBe(
      'Fleet "bare" has the highest priority of those that match, 5. No configuration is wanted for it there: the agent keeps what it had.',
    );
    expect(explained.configuration!.files!['']).toMatch(/^# all\n/);
    expect(explained.configuration).toMatchObject({
      hash: world.sentTo(agent!)[0],
      next: null,
      quarantine: null,
    });
  });

  test('in quarantine: why, since when, and what it is offered instead', async () => {
    const [agent] = await come(1, { region: 'eu' });
    const [first] = world.sentTo(agent!);
    await world.report([agent!], first!, reported.applied);
    await world.inTransaction((tx) =>
      world.configs.configurations.createVersion(tx, 'test', { name: 'base', body: `# two\n${body}` }),
    );
    await world.db.updateTable('fleets').set({ version: 2 }).execute();
    await converge([agent!]);
    const second = world.sentTo(agent!)[1]!;
    await world.report([agent!], second, reported.failed, 'no such thing');
    await world.inTransaction((tx) => world.configs.desiredState.fallBack(tx, [agent!]));
    const { configuration } = await explain(agent!);
    expect(configuration).toMatchObject({
      name: 'base',
      version: 2,
      next: null,
      quarantine: {
        name: 'base',
        version: 2,
        reason: 'no such thing',
        since: expect.any(Date),
        instead: { name: 'base', version: 1, hash: first },
      },
    });
  });

  test('a variable that is called as a member of every object has no value', async () => {
    const [agent] = await come(1, { region: 'eu' });
    await world.inTransaction((tx) =>
      world.configs.configurations.createVersion(tx, 'test', {
        name: 'base',
        body: `# {{ labels.constructor | default: "" }}{{ attributes["__proto__"] | default: "" }}\n${body}`,
      }),
    );
    const { variables } = await world.configs.explanations.preview('base', 2, agent!);
    expect(variables).toContainEqual({ name: 'labels.constructor', value: null });
    expect(variables).toContainEqual({ name: 'attributes.__proto__', value: null });
  });
});

test('what an agent says of itself may be a credential: it gets nothing, and says why', async () => {
  await world.inTransaction((tx) =>
    world.configs.configurations.createVersion(tx, 'test', {
      name: 'base',
      body: `${body}x: {password: {{ attributes.team }}}\n`,
    }),
  );
  await world.db.updateTable('fleets').set({ version: 2 }).execute();
  const [agent] = await world.enrol(1, { labels: { region: 'eu' } });
  await world.db.updateTable('agents').set({ attributes: '{"team":"hunter2"}' }).execute();
  await world.inTransaction((tx) => world.configs.membership.place(tx, [agent!]));
  await converge([agent!]);
  expect(await sent(agent!)).toEqual([]);
  expect((await world.configs.agentConfigurations.many([agent!])).get(agent!)).toMatchObject({
    status: 'failed',
    error: expect.stringMatching(/^body: once rendered, there is a credential here \(password\)/),
  });
});

test('a version knows its parent, and can be restored', async () => {
  const { configurations } = world.configs;
  const made = (text: string) =>
    world.inTransaction((tx) => configurations.createVersion(tx, 'test', { name: 'base', body: text }));
  await made('receivers: {otlp: }\n');
  const restored = await world.inTransaction((tx) =>
    configurations.restore(tx, 'test', { name: 'base', version: 1 }),
  );
  expect(restored).toMatchObject({ version: 3, parent: 1, body, comment: 'version 1 again' });
  expect(restored.overlays).toEqual([{ selector: 'tier=gold', file: '', body: overlays[0]!.body }]);
  expect((await configurations.version('base', 2)).parent).toBe(1);
  expect(await configurations.diff('base', 1, 3)).toBe('');
  const diff = await configurations.diff('base', 2, 3);
  expect(diff).toContain('+++ base v3 overlays[0]');
  expect(diff).toContain('+# for tier=gold, onto body');
});

test.each([
  [{ body: 'a: {{ labels.x' }, 'invalid-template', /not closed/],
  [{ body: 'a: {{ hostname }}' }, 'invalid-template', /known are agent/],
  [{ body: 'a: {{ agent.constructor }}' }, 'invalid-template', /agent.constructor; known are agent.uid/],
  [{ overlays: [{ selector: 'a in', body: 'b: 1' }], body }, 'invalid-overlay', /expected/],
  [{ files: { '../x': 'a: 1' } }, 'invalid-overlay', /file's name/],
  [{ overlays: [{ file: '/etc/passwd', body: 'b: 1' }], body }, 'invalid-overlay', /file's name/],
])('%j is refused as %s', async (text, code, message) => {
  const create = world.inTransaction((tx) =>
    world.configs.configurations.create(tx, 'test', { name: 'bad', ...text }),
  );
  await expect(create).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});
