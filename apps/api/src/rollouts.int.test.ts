import type { AgentId } from '@muster/agents/agent-id';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { described, newUid, startTestApi, type TestApi } from './test-api.setup.ts';

let api: TestApi;
const agents: AgentId[] = [newUid(), newUid()].toSorted();

beforeAll(async () => {
  api = await startTestApi();
  for (const uid of agents) await api.report(uid, described(uid));
  const body =
    'receivers: {nop: }\nexporters: {nop: }\nservice: {pipelines: {logs: {receivers: [nop], exporters: [nop]}}}\n';
  await api.call('/api/v1/configurations', { body: { name: 'edge', body } });
  await api.call('/api/v1/fleets/all', { method: 'PUT', body: { selector: '' } });
});
afterAll(() => api.stop());

const roll = (rest: object) =>
  api.call('/api/v1/rollouts', { body: { fleet: 'all', configuration: 'edge', version: 1, ...rest } });

describe('rollouts', () => {
  it('show their cohorts, in whole and wave by wave', async () => {
    const { body } = await roll({ policy: { waves: ['1', '100%'] } });
    const traits = { type: 'otelcol', version: '0.149.0', os: 'linux', arch: 'amd64' };
    expect(body).toMatchObject({
      cohorts: [{ cohort: 0, ...traits, size: 2, state: 'running', counts: { waiting: 2 } }],
      waves: [{ size: 1, cohorts: [{ cohort: 0, size: 1, counts: { waiting: 1 } }] }, { size: 1 }],
      startAt: null,
      catchingUp: false,
      halted: false,
    });
    const { data } = await api.graphql(
      '{ rollouts(limit: 1) { items { cohorts { type size counts } waves { cohorts { size } } agents(limit: 5) { uid cohort } } } }',
    );
    expect(data.rollouts.items[0]).toMatchObject({ cohorts: [{ type: 'otelcol', size: 2 }] });
    expect(data.rollouts.items[0].agents).toHaveLength(2);
  });

  it('say how their agents stand, in pages', async () => {
    const { body } = await roll({ policy: { waves: ['1', '100%'] } });
    const path = `/api/v1/rollouts/${body.id}/agents`;
    const first = (await api.call(`${path}?limit=1`)).body;
    const second = (await api.call(`${path}?limit=1&after=${first.next}`)).body;
    expect([...first.items, ...second.items].map(({ uid }) => uid).toSorted()).toEqual(agents);
    expect(first.items).toMatchObject([{ wave: 0, cohort: 0, state: 'waiting' }]);
    expect(second.next).toBeNull();
    expect((await api.call(`${path}?state=failed`)).body.items).toEqual([]);
    expect((await api.call(`${path}?outcome=failed&state=rolledBack`)).body.items).toEqual([]);
    expect(first.items).toMatchObject([{ outcome: null, outcomeReason: '' }]);
    expect(await api.call(`${path}?outcome=lost`)).toMatchObject({
      status: 400,
      body: { field: 'outcome', detail: expect.stringContaining('applied, failed, noAnswer, unconfirmed') },
    });
    const { data } = await api.graphql(
      `{ rollout(id: "${body.id}") {
        all: agents { state outcome outcomeReason } failed: agents(state: "rolledBack", outcome: "failed") { uid } } }`,
    );
    expect(data.rollout).toMatchObject({ all: [{ state: 'waiting', outcome: null }, {}], failed: [] });
    expect(await api.call(`${path}?state=lost`)).toMatchObject({ status: 400, body: { field: 'state' } });
    expect(await api.call(`${path}?after=x`)).toMatchObject({
      status: 400,
      body: { code: 'invalid-cursor' },
    });
    expect(await api.call(`/api/v1/rollouts/${newUid()}/agents`)).toMatchObject({ status: 404 });
  });

  it('start later', async () => {
    const startAt = new Date(Date.now() + 3_600_000).toISOString();
    const later = await roll({ startAt });
    expect(later).toMatchObject({
      status: 201,
      body: { state: 'scheduled', startAt, waitsUntil: startAt, waves: [] },
    });
    const aborted = await api.call(`/api/v1/rollouts/${later.body.id}/abort`, { method: 'POST' });
    expect(aborted.body.state).toBe('aborted');
    expect(await roll({ startAt: 'tomorrow' })).toMatchObject({ status: 400, body: { field: 'startAt' } });
  });

  it('refuse a window that cannot be, by its name', async () => {
    const window = { timezone: 'Mars/Olympus', days: ['mon'], start: '22:00', end: '06:00' };
    expect(await roll({ policy: { windows: [window] } })).toMatchObject({
      status: 400,
      body: { code: 'invalid-policy', field: 'policy.windows[0].timezone' },
    });
  });
});

describe('quarantines', () => {
  const fail = (uid: AgentId) =>
    api.report(uid, {
      remoteConfigStatus: {
        lastRemoteConfigHash: Buffer.alloc(32, 7),
        status: 3,
        errorMessage: 'cannot bind',
      },
    });

  it('are listed and lifted, and it is kept who did', async () => {
    await fail(agents[0]!);
    const { body } = await api.call('/api/v1/quarantines');
    expect(body.items).toMatchObject([
      { scope: 'agent', agent: { uid: agents[0] }, cohort: null, reason: 'cannot bind', liftedAt: null },
    ]);
    expect((await api.call(`/api/v1/quarantines?agent=${agents[1]}`)).body.items).toEqual([]);
    const path = `/api/v1/quarantines/${body.items[0].id}`;
    expect((await api.call(path, { method: 'DELETE' })).status).toBe(204);
    expect(await api.call(path, { method: 'DELETE' })).toMatchObject({
      status: 404,
      body: { code: 'unknown-quarantine' },
    });
    expect((await api.call('/api/v1/quarantines')).body.items).toEqual([]);
    expect((await api.call('/api/v1/quarantines?lifted=true')).body.items).toMatchObject([
      { liftedAt: expect.any(String), liftedBy: 'api-key:admin' },
    ]);
    const [audited] = (await api.call('/api/v1/audit?limit=1')).body.items;
    expect(audited).toMatchObject({ action: 'quarantines.lift', resource: `quarantine/${body.items[0].id}` });
  });

  it('over GraphQL too', async () => {
    await fail(agents[1]!);
    const { data } = await api.graphql('{ quarantines { items { id scope agent versions reason } next } }');
    expect(data.quarantines.items).toMatchObject([{ agent: { uid: agents[1] }, reason: 'cannot bind' }]);
    const lift = 'mutation ($id: ID!) { liftQuarantine(id: $id) }';
    const { id } = data.quarantines.items[0];
    expect((await api.graphql(lift, { id })).data).toEqual({ liftQuarantine: true });
    expect((await api.graphql(lift, { id })).errors[0].extensions.code).toBe('unknown-quarantine');
  });

  it('say before they start how many agents cannot confirm', async () => {
    for (const capabilities of [0x803, 0x803, 0x807]) {
      const uid = newUid();
      await api.report(uid, { ...described(uid, { role: 'old' }), capabilities });
    }
    await api.call('/api/v1/fleets/old', { method: 'PUT', body: { selector: 'role=old', priority: 1 } });
    const cannotSay = { byEffectiveConfig: 1, unconfirmed: 2 };
    const plan = { fleet: 'old', configuration: 'edge', version: 1 };
    const preview = await api.call('/api/v1/rollouts/preview', { body: plan });
    expect(preview.body).toMatchObject({ touched: 3, cannotSay });
    const { data } = await api.graphql(
      '{ previewRollout(fleet: "old", configuration: "edge", version: 1) { cannotSay { byEffectiveConfig unconfirmed } } }',
    );
    expect(data.previewRollout).toEqual({ cannotSay });
    const { body } = await roll({ fleet: 'old' });
    const events = (await api.call(`/api/v1/rollouts/${body.id}/events`)).body.items;
    expect(events[0]).toMatchObject({ kind: 'started', detail: { cannotSay } });
  });
});
