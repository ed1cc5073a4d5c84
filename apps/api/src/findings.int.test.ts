import { randomUUID } from 'node:crypto';
import type { AgentId } from '@muster/agents/agent-id';
import { wireConfigs } from '@muster/configs/wire';
import { configStatus, type AgentToServerFields } from '@muster/opamp/opamp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApi, type TestApi } from './test-api.setup.ts';

let api: TestApi;
let leaky: AgentId;
let stray: AgentId;

const say = (config: string): AgentToServerFields => ({
  agentDescription: { identifyingAttributes: [{ key: 'service.name', value: { stringValue: 'otelcol' } }] },
  capabilities: 0x1803,
  effectiveConfig: { configMap: { configMap: { 'a.yaml': { body: Buffer.from(config) } } } },
});

beforeAll(async () => {
  api = await startTestApi();
  [leaky, stray] = [randomUUID() as AgentId, randomUUID() as AgentId];
  await api.report(leaky, say('exporters:\n  a:\n    password: hunter2\n'));
  await api.report(stray, {
    ...say('receivers: {}\n'),
    remoteConfigStatus: { lastRemoteConfigHash: Buffer.alloc(32, 7), status: configStatus.applied },
  });
  const { driftReconciler } = wireConfigs(api);
  await driftReconciler.turn();
});
afterAll(() => api.stop());

const finding = { file: 'a.yaml', line: 3, column: 15, kind: 'password' };
const drift = {
  kind: 'unknown',
  since: expect.any(String),
  detail: [],
  tries: 0,
  repair: 'notRepaired',
  reason: expect.stringContaining('nothing is desired'),
  nextAt: null,
};

test('credentials that an agent reported are shown without their values, and such agents are found', async () => {
  const { body } = await api.call(`/api/v1/agents/${leaky}`);
  expect(body).toMatchObject({ findings: [finding], drift: null });
  expect(body.effectiveConfig['a.yaml']).toContain('password: [REDACTED:password]');
  expect(JSON.stringify(body)).not.toContain('hunter2');
  const found = await api.call('/api/v1/agents?finding=credentials');
  expect(found.body.items).toMatchObject([{ uid: leaky }]);
  expect(await api.call('/api/v1/agents?finding=nonsense')).toMatchObject({
    status: 400,
    body: { field: 'finding', detail: expect.stringContaining('credentials') },
  });
});

test('agents that drifted are listed, by kind and fleet and in pages', async () => {
  expect((await api.call(`/api/v1/agents/${stray}`)).body).toMatchObject({ findings: [], drift });
  const listed = await api.call('/api/v1/drift?kind=unknown&limit=1');
  expect(listed.body).toEqual({
    items: [{ agent: stray, name: 'otelcol', fleet: null, ...drift }],
    next: null,
  });
  expect((await api.call(`/api/v1/drift?after=${stray}`)).body.items).toEqual([]);
  expect((await api.call('/api/v1/drift?fleet=none')).body.items).toEqual([]);
  expect((await api.call('/api/v1/drift?kind=effective')).body.items).toEqual([]);
  for (const [query, field] of [
    ['kind=x', 'kind'],
    ['after=x', 'after'],
    ['color=red', 'color'],
  ] as const) {
    expect(await api.call(`/api/v1/drift?${query}`)).toMatchObject({ status: 400, body: { field } });
  }
});

test('both are counted in the overview', async () => {
  const drifted = [
    { kind: 'effective', count: 0 },
    { kind: 'unknown', count: 1 },
    { kind: 'unconfirmed', count: 0 },
  ];
  expect((await api.call('/api/v1/overview')).body).toMatchObject({ withCredentials: 1, drift: drifted });
});

test('GraphQL tells the same', async () => {
  const driftFields = 'kind since detail tries repair reason nextAt';
  const { data } = await api.graphql(
    `query ($leaky: ID!, $stray: ID!) {
      leaky: agent(uid: $leaky) { findings { file line column kind } drift { kind } }
      stray: agent(uid: $stray) { drift { ${driftFields} } }
      agents(finding: credentials) { total items { uid } }
      drift(kind: unknown) { items { agent name fleet ${driftFields} } next }
      overview { withCredentials drift { kind count } }
    }`,
    { leaky, stray },
  );
  expect(data).toMatchObject({
    leaky: { findings: [finding], drift: null },
    stray: { drift },
    agents: { total: 1, items: [{ uid: leaky }] },
    drift: { items: [{ agent: stray, name: 'otelcol', fleet: null, ...drift }], next: null },
    overview: { withCredentials: 1 },
  });
});
