import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { described, newUid, startTestApi, type TestApi } from './test-api.setup.ts';

let api: TestApi;
let uids: string[];

const body = `receivers: {nop: }
exporters: {nop: }
service:
  telemetry: {resource: {region: "{{ labels.region }}", gateway: "{{ variables.gateway }}"}}
  pipelines: {logs: {receivers: [nop], exporters: [nop]}}
`;
const overlay = { selector: 'tier=gold', body: 'service: {telemetry: {resource: {tier: gold}}}' };
const acceptsRemoteConfig = 0x1803;

const post = (path: string, json: unknown) => api.call(path, { method: 'POST', body: json });
const label = (uid: string, labels: Record<string, string>) =>
  api.call(`/api/v1/agents/${uid}`, { method: 'PATCH', body: { labels } });

/** Also places the agents, which another process does when they change. */
const putFleet = () =>
  api.call('/api/v1/fleets/a', {
    method: 'PUT',
    body: { selector: 'team=a', variables: { gateway: 'gw-1:4317' } },
  });

beforeAll(async () => {
  api = await startTestApi();
  uids = await Promise.all(
    ['one', 'two', 'three'].map(async (name) => {
      const uid = newUid();
      await api.report(uid, { ...described(name), capabilities: acceptsRemoteConfig });
      return uid;
    }),
  );
  await label(uids[0]!, { team: 'a', region: 'eu' });
  await label(uids[1]!, { team: 'a', region: 'us', tier: 'gold' });
  await post('/api/v1/configurations', { name: 'edge', body, overlays: [overlay] });
  await putFleet();
});
afterAll(() => api.stop());

describe('configurations with templates and overlays', () => {
  it('are kept as written, with their parent', async () => {
    const made = await post('/api/v1/configurations/edge/versions', {
      files: { 'a.yaml': 'receivers: {nop: }' },
      comment: 'in files',
    });
    expect(made).toMatchObject({
      status: 201,
      body: { version: 2, parent: 1, body: '', files: { 'a.yaml': 'receivers: {nop: }' }, overlays: [] },
    });
    const restored = await post('/api/v1/configurations/edge/versions/1/restore', {});
    expect(restored).toMatchObject({
      status: 201,
      body: { version: 3, parent: 1, body, overlays: [{ ...overlay, file: '' }], comment: 'version 1 again' },
    });
    expect((await api.call('/api/v1/configurations/edge/diff?from=1&to=3')).body.diff).toBe('');
    const { items } = (await api.call('/api/v1/audit?limit=1')).body;
    expect(items[0]).toMatchObject({ action: 'configurations.restore-version', detail: { version: 1 } });
  });

  it('are rendered for one agent, with what they were made of', async () => {
    const preview = await post('/api/v1/configurations/edge/preview', { agent: uids[1], version: 1 });
    expect(preview).toMatchObject({
      status: 200,
      body: {
        version: 1,
        error: null,
        overlays: [{ index: 0, selector: 'tier=gold', applied: true }],
        variables: [
          { name: 'labels.region', value: 'us' },
          { name: 'variables.gateway', value: 'gw-1:4317' },
        ],
      },
    });
    expect(preview.body.files['']).toMatch(/region: "us", gateway: "gw-1:4317", tier: gold/);
  });

  it('are checked for the agents of a fleet', async () => {
    const { problems } = (
      await post('/api/v1/configurations/edge/validate', {
        fleet: 'a',
        body: body.replace('exporters: [nop]', 'exporters: ["{{ labels.tier }}"]'),
      })
    ).body;
    expect(problems).toContainEqual(
      expect.objectContaining({
        severity: 'error',
        message: 'undefined variable: labels.tier',
        line: 5,
        agents: [uids[0]],
        agentCount: 1,
      }),
    );
    expect(problems).toContainEqual(
      expect.objectContaining({
        message: expect.stringContaining('"gold" is not defined'),
        agents: [uids[1]],
      }),
    );
  });
});

describe('before a rollout', () => {
  it('the blast radius says what changes for whom, and who is skipped', async () => {
    const preview = await post('/api/v1/rollouts/preview', {
      fleet: 'a',
      configuration: 'edge',
      version: 1,
      policy: { waves: ['1', '100%'] },
    });
    expect(preview).toMatchObject({
      status: 200,
      body: {
        agents: 2,
        touched: 2,
        waves: [1, 1],
        more: { changes: 0, agents: 0 },
        skipped: [],
      },
    });
    expect(preview.body.changes).toHaveLength(2);
    expect(preview.body.changes[0]).toMatchObject({
      from: null,
      agents: 1,
      cohorts: [{ type: 'otelcol', version: '0.149.0', os: 'linux', arch: 'amd64', agents: 1 }],
      added: ['exporters/nop', 'receivers/nop'],
      diff: expect.stringContaining('+receivers: {nop: '),
    });
  });

  it('says what is wrong with the texts, by GraphQL too; what no collector can read does not start', async () => {
    await post('/api/v1/configurations', { name: 'tab', body: 'a:\n\tb: {{ agent.os }}\n' });
    const rollout = { fleet: 'a', configuration: 'tab', version: 1 };
    const problem = { severity: 'error', file: '', line: 2, column: 1, agentCount: 2 };
    const preview = await post('/api/v1/rollouts/preview', rollout);
    expect(preview.body.problems).toContainEqual(expect.objectContaining(problem));
    const query =
      '{ previewRollout(fleet: "a", configuration: "tab", version: 1) { problems { severity file line column agentCount } } }';
    expect((await post('/graphql', { query })).body.data.previewRollout.problems).toContainEqual(problem);
    expect(await post('/api/v1/rollouts', rollout)).toMatchObject({
      status: 422,
      body: {
        code: 'not-renderable',
        field: 'version',
        detail: expect.stringContaining('(line 2, column 1)'),
      },
    });
  });

  it('a version that cannot be rendered for an agent is refused with the variable and the agent', async () => {
    await label(uids[2]!, { team: 'a' });
    await putFleet();
    const refused = await post('/api/v1/rollouts', { fleet: 'a', configuration: 'edge', version: 1 });
    expect(refused).toMatchObject({ status: 422, body: { code: 'not-renderable', field: 'version' } });
    expect(refused.body.detail).toContain('labels.region');
    expect(refused.body.detail).toContain(uids[2]);
    expect((await api.call('/api/v1/rollouts?fleet=a')).body.items).toEqual([]);
    await label(uids[2]!, {});
    await putFleet();
  });
});

describe('explain', () => {
  it('says which fleet wins, and what the text was made of', async () => {
    const rollout = await post('/api/v1/rollouts', { fleet: 'a', configuration: 'edge', version: 1 });
    expect(rollout.status).toBe(201);
    await api.call('/api/v1/fleets/everybody', { method: 'PUT', body: { selector: '', priority: -1 } });
    const explained = await api.call(`/api/v1/agents/${uids[0]}/explain`);
    expect(explained).toMatchObject({
      status: 200,
      body: {
        fleets: [
          { name: 'a', wins: true },
          { name: 'everybody', wins: false },
        ],
        why: 'Fleet "a" has the highest priority of those that match, 0.',
      },
    });
    expect((await api.call('/api/v1/agents/' + newUid() + '/explain')).status).toBe(404);
  });

  it('by GraphQL too', async () => {
    const query = `{ agent(uid: "${uids[0]}") { explanation { why fleets { name wins } configuration { name } } } }`;
    const { body: answer } = await post('/graphql', { query });
    expect(answer.data.agent.explanation).toMatchObject({
      fleets: [
        { name: 'a', wins: true },
        { name: 'everybody', wins: false },
      ],
    });
  });
});

describe('bad input names the field', () => {
  const create = (input: object) => post('/api/v1/configurations', { name: 'bad', ...input });

  it.each([
    [{}, 400, 'body'],
    [{ body: 'a: {{ labels.x' }, 422, 'body'],
    [{ body, overlays: [{ body: 'a: {{ x }}' }] }, 422, 'overlays[0]'],
    [{ body, overlays: [{ selector: 'a in', body: 'a: 1' }] }, 400, 'overlays[0].selector'],
    [{ body, overlays: [{ file: '../x', body: 'a: 1' }] }, 400, 'overlays[0].file'],
    [{ files: { 'a/b': 'x: 1' } }, 400, 'files["a/b"]'],
    [{ files: { 'a.yaml': 'x: 1' }, overlays: [{ body: 'a: 1' }] }, 400, 'overlays[0].file'],
    [{ files: { 'a.yaml': 'x: [' } }, 422, 'files["a.yaml"]'],
    [{ body, overlays: [{ body: 'a: !apend [b]' }] }, 422, 'overlays[0]'],
    [{ body: 'a: {{ agent.constructor }}' }, 422, 'body'],
    [{ body: `x:\n${'- '.repeat(3000)}` }, 422, 'body'],
    [{ body: 'exporters: {otlp: {headers: {api_key: 0123456789abcdef}}}' }, 422, 'body'],
  ])('%j', async (input, status, field) => {
    expect(await create(input)).toMatchObject({ status, body: { field } });
  });

  it.each([
    [{ variables: { '1x': 'a' } }, 'variables.1x'],
    [{ variables: { x: 'two\nlines' } }, 'variables.x'],
    [{ selector: 'service.version>new' }, 'selector'],
  ])('fleet %j', async (input, field) => {
    const put = await api.call('/api/v1/fleets/bad', { method: 'PUT', body: { selector: '', ...input } });
    expect(put).toMatchObject({ status: 400, body: { field } });
  });
});
