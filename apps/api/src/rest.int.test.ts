import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { described, newUid, startTestApi, type TestApi } from './test-api.setup.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const body =
  'receivers:\n  otlp: {}\nexporters:\n  debug: {}\nservice:\n  pipelines:\n    traces:\n      receivers: [otlp]\n      exporters: [debug]\n';
const put = (path: string, json: unknown) => api.call(path, { method: 'PUT', body: json });
const lastAudit = async () => (await api.call('/api/v1/audit?limit=1')).body.items[0];

async function newAgent(name: string, attributes: Record<string, string> = {}) {
  const uid = newUid();
  await api.report(uid, described(name, attributes));
  return uid;
}

describe('agents', () => {
  it('are listed, a page at a time', async () => {
    const uids = (
      await Promise.all(['a', 'b', 'c'].map((name) => newAgent(`page-${name}`, { page: 'yes' })))
    ).sort();
    const first = await api.call('/api/v1/agents?selector=page%3Dyes&limit=2');
    expect(first).toMatchObject({ status: 200, body: { next: expect.any(String) } });
    const second = await api.call(`/api/v1/agents?selector=page%3Dyes&limit=2&after=${first.body.next}`);
    expect(second.body.next).toBeNull();
    const listed = [...first.body.items, ...second.body.items].map(({ uid }: { uid: string }) => uid);
    expect(listed).toEqual(uids);
  });

  it('are found by selector, text, status and fleet', async () => {
    const uid = await newAgent('needle-host', { 'deployment.environment': 'prod' });
    const off = await newAgent('gone-host');
    await api.report(off, {}, { disconnected: true });
    await put('/api/v1/fleets/needles', {
      selector: '"deployment.environment"=prod'.replaceAll('"', ''),
      priority: 5,
    });
    const uidsOf = async (query: string) =>
      (await api.call(`/api/v1/agents?${query}`)).body.items.map((agent: { uid: string }) => agent.uid);
    expect(await uidsOf('selector=deployment.environment%20in%20(prod)')).toEqual([uid]);
    expect(await uidsOf('search=NEEDLE')).toEqual([uid]);
    expect(await uidsOf('status=disconnected&selector=&fleet=')).toEqual([off]);
    expect(await uidsOf('fleet=needles')).toEqual([uid]);
  });

  it('are told in full', async () => {
    const uid = await newAgent('full-host');
    const { status, body: agent } = await api.call(`/api/v1/agents/${uid.toUpperCase()}`);
    expect(status).toBe(200);
    expect(agent).toMatchObject({
      uid,
      name: 'full-host',
      status: 'connected',
      healthy: true,
      type: 'otelcol',
      version: '0.149.0',
      os: 'linux',
      arch: 'amd64',
      transport: 'websocket',
      configuration: { status: 'none', current: null, pending: null, target: null, error: null },
      effectiveConfig: { '': 'receivers: {}\n' },
      health: { healthy: true },
      connection: { remoteAddress: '192.0.2.1:5000' },
    });
  });

  it('get labels, which selectors match at once', async () => {
    const uid = await newAgent('labelled');
    const patched = await api.call(`/api/v1/agents/${uid}`, {
      method: 'PATCH',
      body: { labels: { canary: 'yes' } },
    });
    expect(patched).toMatchObject({ status: 200, body: { uid, labels: { canary: 'yes' } } });
    expect((await api.call('/api/v1/agents?selector=canary')).body.items).toMatchObject([{ uid }]);
    expect(await lastAudit()).toMatchObject({
      actor: 'api-key:admin',
      action: 'agents.set-labels',
      resource: `agent/${uid}`,
      detail: { labels: { canary: 'yes' } },
    });
  });

  it('are forgotten', async () => {
    const uid = await newAgent('forgotten');
    expect(await api.call(`/api/v1/agents/${uid}`, { method: 'DELETE' })).toMatchObject({
      status: 204,
      body: '',
    });
    expect((await api.call(`/api/v1/agents/${uid}`)).status).toBe(404);
    expect(await lastAudit()).toMatchObject({ action: 'agents.delete', resource: `agent/${uid}` });
  });

  it('restart through the gateway that holds them', async () => {
    const uid = await newAgent('restarting');
    await api.presence.claim('gateway-1', [{ agent: uid, now: Date.now() }]);
    const orders: string[] = [];
    const gateway = await api.delivery.receive('gateway-1', ({ kind }) => {
      orders.push(kind);
      return { notHeld: new Uint8Array(), refused: [] };
    });
    const sent = await api.call(`/api/v1/agents/${uid}/commands`, { body: { command: 'restart' } });
    expect(sent).toMatchObject({ status: 202, body: { command: 'restart' } });
    expect(orders).toEqual(['restart']);
    expect(await lastAudit()).toMatchObject({ action: 'agents.restart', resource: `agent/${uid}` });
    await gateway.stop();
  });

  it('that are offline cannot be restarted', async () => {
    const uid = await newAgent('offline');
    const refused = await api.call(`/api/v1/agents/${uid}/commands`, { body: { command: 'restart' } });
    expect(refused).toMatchObject({ status: 409, body: { code: 'agent-offline' } });
  });
});

describe('configurations', () => {
  it('have versions that differ', async () => {
    const made = await api.call('/api/v1/configurations', {
      body: { name: 'base', body, description: 'for all' },
    });
    expect(made).toMatchObject({ status: 201, body: { name: 'base', version: 1, description: 'for all' } });
    expect(await lastAudit()).toMatchObject({
      action: 'configurations.create',
      resource: 'configuration/base',
    });

    const next = await api.call('/api/v1/configurations/base/versions', {
      body: { body: `${body}# more\n`, comment: 'more' },
    });
    expect(next).toMatchObject({ status: 201, body: { name: 'base', version: 2, comment: 'more' } });
    expect(await lastAudit()).toMatchObject({ action: 'configurations.create-version' });

    const versions = await api.call('/api/v1/configurations/base/versions?limit=1');
    expect(versions.body.items).toMatchObject([{ version: 2 }]);
    const older = await api.call(`/api/v1/configurations/base/versions?after=${versions.body.next}`);
    expect(older.body).toMatchObject({ items: [{ version: 1, body }], next: null });

    expect((await api.call('/api/v1/configurations/base/versions/1')).body).toMatchObject({
      version: 1,
      body,
    });
    const diff = await api.call('/api/v1/configurations/base/diff?from=1&to=2');
    expect(diff.body).toMatchObject({ from: 1, to: 2, diff: expect.stringContaining('+# more') });
    expect((await api.call('/api/v1/configurations')).body.items).toMatchObject([
      { name: 'base', version: 2 },
    ]);
    expect((await api.call('/api/v1/configurations/base')).body).toMatchObject({ latest: { version: 2 } });
  });

  it('are checked and shown before anybody gets them', async () => {
    await api.call('/api/v1/configurations', { body: { name: 'checked', body } });
    const good = await api.call('/api/v1/configurations/checked/validate', { method: 'POST' });
    expect(good).toMatchObject({ status: 200, body: { problems: [] } });
    const bad = await api.call('/api/v1/configurations/checked/validate', { body: { body: 'a: 1\nb: [' } });
    expect(bad.body.problems).toMatchObject([{ severity: 'error', line: 2, agents: [] }]);

    const agent = await newAgent('previewed');
    const preview = await api.call('/api/v1/configurations/checked/preview', { body: { agent } });
    expect(preview).toMatchObject({ status: 200, body: { version: 1, files: { '': body } } });
    const nobody = await api.call('/api/v1/configurations/checked/preview', { body: { agent: newUid() } });
    expect(nobody).toMatchObject({ status: 404, body: { code: 'unknown-agent' } });
  });
});

describe('fleets', () => {
  it('are made, changed, listed and deleted', async () => {
    const made = await put('/api/v1/fleets/edge', { selector: 'site=edge', priority: 3 });
    expect(made).toMatchObject({
      status: 200,
      body: { name: 'edge', priority: 3, version: null, rollout: null },
    });
    expect(await lastAudit()).toMatchObject({ action: 'fleets.put', resource: 'fleet/edge' });
    await put('/api/v1/fleets/edge', { selector: 'site in (edge, far)' });
    const found = await api.call('/api/v1/fleets/edge');
    expect(found.body).toMatchObject({ selector: 'site in (edge, far)', priority: 3 });
    const all = await api.call('/api/v1/fleets?limit=500');
    expect(all.body.items.map(({ name }: { name: string }) => name)).toContain('edge');
    expect((await api.call('/api/v1/fleets/edge', { method: 'DELETE' })).status).toBe(204);
    expect(await lastAudit()).toMatchObject({ action: 'fleets.delete', resource: 'fleet/edge' });
    expect((await api.call('/api/v1/fleets/edge')).status).toBe(404);
  });

  it('get their first configuration by a rollout, which is done at once without agents', async () => {
    await api.call('/api/v1/configurations', { body: { name: 'first', body } });
    const made = await put('/api/v1/fleets/empty', { selector: 'nobody=here', configuration: 'first' });
    expect(made.body).toMatchObject({ configuration: 'first', version: 1, rollout: expect.any(String) });
    const rollout = await api.call(`/api/v1/rollouts/${made.body.rollout}`);
    expect(rollout.body).toMatchObject({ fleet: 'empty', state: 'completed' });
    expect(await lastAudit()).toMatchObject({ action: 'rollouts.start', resource: 'fleet/empty' });
    const again = await put('/api/v1/fleets/empty', { selector: 'nobody=here', configuration: 'first' });
    expect(again.body.rollout).toBeNull();
  });
});

describe('rollouts', () => {
  it('start, stop and go on as told, and say what happened', async () => {
    await newAgent('rolled', { ring: 'one' });
    await api.call('/api/v1/configurations', { body: { name: 'rolled', body } });
    await put('/api/v1/fleets/ring-one', { selector: 'ring=one', priority: 9 });
    const started = await api.call('/api/v1/rollouts', {
      body: { fleet: 'ring-one', configuration: 'rolled', version: 1, policy: { soakSeconds: 0 } },
    });
    expect(started).toMatchObject({
      status: 201,
      body: { id: expect.any(String), state: 'running', counts: { waiting: 1 }, policy: { soakSeconds: 0 } },
    });
    expect(await lastAudit()).toMatchObject({ action: 'rollouts.start', resource: 'fleet/ring-one' });

    const path = `/api/v1/rollouts/${started.body.id}`;
    for (const [order, state] of [
      ['pause', 'paused'],
      ['resume', 'running'],
      ['rollback', 'rollingBack'],
      ['abort', 'aborted'],
    ] as const) {
      expect(await api.call(`${path}/${order}`, { method: 'POST' })).toMatchObject({
        status: 200,
        body: { state },
      });
      expect(await lastAudit()).toMatchObject({
        action: `rollouts.${order}`,
        resource: `rollout/${started.body.id}`,
      });
    }
    const late = await api.call(`${path}/resume`, { method: 'POST' });
    expect(late).toMatchObject({ status: 409, body: { code: 'rollout-state-conflict' } });

    const events = (await api.call(`${path}/events`)).body.items;
    expect(events.map(({ kind }: { kind: string }) => kind)).toEqual(
      expect.arrayContaining(['started', 'paused', 'resumed', 'aborted']),
    );
    expect((await api.call(path)).body).toMatchObject({ state: 'aborted', finishedAt: expect.any(String) });
    expect((await api.call('/api/v1/rollouts?fleet=ring-one')).body.items).toMatchObject([
      { state: 'aborted' },
    ]);
  });
});

describe('enrollment tokens', () => {
  it('are made, shown once, listed without their secret and revoked', async () => {
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const made = await api.call('/api/v1/enrollment-tokens', {
      body: { name: 'site-a', expiresAt, maxUses: 10, labels: { site: 'a' } },
    });
    expect(made).toMatchObject({
      status: 201,
      body: { id: expect.any(String), token: expect.stringMatching(/^mus_enroll_/) },
    });
    const audited = await lastAudit();
    expect(audited).toMatchObject({ action: 'enrollment-tokens.create', detail: { name: 'site-a' } });
    const listed = await api.call('/api/v1/enrollment-tokens');
    expect(listed.body.items).toMatchObject([
      { name: 'site-a', maxUses: 10, uses: 0, expiresAt, revokedAt: null },
    ]);
    expect(JSON.stringify([listed.body, audited])).not.toContain(made.body.token);

    expect(listed.body.items[0].mayTakeOver).toBe(false);
    const path = `/api/v1/enrollment-tokens/${made.body.id}`;
    const patched = await api.call(path, { method: 'PATCH', body: { mayTakeOver: true } });
    expect(patched).toMatchObject({
      status: 200,
      body: { id: made.body.id, name: 'site-a', mayTakeOver: true },
    });
    expect(await lastAudit()).toMatchObject({
      action: 'enrollment-tokens.update',
      resource: `enrollment-token/${made.body.id}`,
      detail: { mayTakeOver: true },
    });
    const revoked = await api.call(`/api/v1/enrollment-tokens/${made.body.id}`, { method: 'DELETE' });
    expect(revoked.status).toBe(204);
    expect(await lastAudit()).toMatchObject({ action: 'enrollment-tokens.revoke' });
    const [token] = (await api.call('/api/v1/enrollment-tokens')).body.items;
    expect(token.revokedAt).not.toBeNull();
    const late = await api.call(path, { method: 'PATCH', body: { mayTakeOver: false } });
    expect(late).toMatchObject({ status: 409, body: { code: 'enrollment-token-revoked' } });
  });
});

it('the overview counts everything', async () => {
  const { status, body: overview } = await api.call('/api/v1/overview');
  expect(status).toBe(200);
  expect(overview.agents).toBe(overview.connected + overview.disconnected);
  expect(overview.fleets).toBeGreaterThan(0);
});

it('the audit log can be read for one resource', async () => {
  const { body: page } = await api.call('/api/v1/audit?resource=configuration/base');
  expect(page.items.map(({ action }: { action: string }) => action)).toEqual([
    'configurations.create-version',
    'configurations.create',
  ]);
});
