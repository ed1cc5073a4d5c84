import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance, RouteOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { graphqlSchema } from './graphql/schema.ts';
import { Live } from './live/live.ts';
import { operations } from './openapi/openapi-document.ts';
import { createApp } from './start.ts';
import { newUid, startTestApi, type TestApi } from './test-api.setup.ts';
import { wireApi } from './wire.ts';

let api: TestApi;
let webRoot: string;
beforeAll(async () => {
  webRoot = await mkdtemp(join(tmpdir(), 'muster-web-'));
  await mkdir(join(webRoot, 'assets'));
  await writeFile(join(webRoot, 'index.html'), '<!doctype html><title>Muster</title>');
  await writeFile(join(webRoot, 'assets', 'main-3f2a.js'), 'export {};');
  api = await startTestApi({ webRoot });
});
afterAll(async () => {
  await api.stop();
  await rm(webRoot, { recursive: true });
});

/** Every route of the server, with how its requests are answered. */
async function withRoutes<T>(
  work: (routes: [method: string, url: string][], server: FastifyInstance) => Promise<T>,
): Promise<T> {
  const services = wireApi(api);
  const { agentResources: agents, overview, rollouts } = services;
  const live = new Live({ agents, overview, rollouts, log: api.log });
  const routes: [string, string][] = [];
  const app = await createApp(
    { settings: { ...api.settings, webRoot }, log: api.log },
    services,
    graphqlSchema(services, api.settings, live),
    (route: RouteOptions) => {
      for (const method of [route.method].flat()) routes.push([method, route.url]);
    },
  );
  await app.init();
  try {
    return await work(routes, app.getHttpAdapter().getInstance());
  } finally {
    await app.close();
  }
}

describe('without a credential', () => {
  it('nothing is open but health, signing in and the files of the UI', async () => {
    const open = await withRoutes(async (routes, server) => {
      const answered: string[] = [];
      for (const [method, url] of routes) {
        const path = url.replaceAll(/:\w+/g, newUid()).replace('*', 'anything');
        const { statusCode } = await server.inject({ method: method as 'GET', url: path });
        if (statusCode !== 401) answered.push(`${method} ${url}`);
      }
      expect(routes.length).toBeGreaterThan(50);
      return answered;
    });
    expect(open.filter((route) => !route.startsWith('HEAD')).sort()).toEqual([
      'GET /',
      'GET /*',
      'GET /assets/main-3f2a.js',
      'GET /healthz',
      'GET /index.html',
      'GET /readyz',
      'POST /api/v1/session',
    ]);
  });

  it.each([
    ['no header', {}],
    ['a wrong key', { authorization: 'Bearer mus_admin_wrong' }],
    ['an empty key', { authorization: 'Bearer ' }],
    ['another scheme', { authorization: 'Basic YTpi' }],
    ['a wrong cookie', { cookie: 'muster_session=mus_session_wrong' }],
  ])('%s is answered with how to get in', async (_what, headers) => {
    const answer = await api.call('/api/v1/agents', { key: null, headers });
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    expect(answer.headers.get('www-authenticate')).toContain('Bearer');
  });

  it('unknown paths of the API tell nothing', async () => {
    expect((await api.call('/api/v1/nope', { key: null })).status).toBe(401);
    expect((await api.call('/api/v1/nope')).status).toBe(404);
  });

  it('a large body is refused before it is read', async () => {
    const status = await new Promise((resolve, reject) => {
      const sending = request(`${api.url}/api/v1/configurations`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': '50000' },
      });
      sending.on('response', (response) => resolve(response.statusCode));
      sending.on('error', reject);
      sending.flushHeaders(); // and never a byte of the body
    });
    expect(status).toBe(401);
  });
});

describe('sessions', () => {
  async function signIn(headers: Record<string, string> = {}) {
    const answer = await api.call('/api/v1/session', { key: null, body: { key: api.key }, headers });
    return { ...answer, cookie: answer.headers.get('set-cookie')?.split(';')[0] ?? '' };
  }

  it('open by an admin key, in a cookie that scripts and other sites cannot use', async () => {
    const opened = await signIn();
    expect(opened).toMatchObject({
      status: 200,
      body: { actor: 'session:admin', expiresAt: expect.any(String) },
    });
    const attributes = opened.headers.get('set-cookie')!.split('; ').slice(1);
    expect(attributes).toEqual(['Path=/', 'Max-Age=43200', 'HttpOnly', 'SameSite=Strict']);
    const { cookie } = opened;
    expect(await api.call('/api/v1/session', { key: null, headers: { cookie } })).toMatchObject({
      status: 200,
      body: { actor: 'session:admin' },
    });
    const changed = await api.call('/api/v1/fleets/by-session', {
      method: 'PUT',
      key: null,
      headers: { cookie },
      body: { selector: 'a=b' },
    });
    expect(changed.status).toBe(200);
    const { body: audited } = await api.call('/api/v1/audit?resource=fleet/by-session');
    expect(audited.items).toMatchObject([{ actor: 'session:admin' }]);
  });

  it('do not open by a wrong key or an enrollment token', async () => {
    const { token } = (await api.call('/api/v1/enrollment-tokens', { body: { name: 'x' } })).body;
    for (const key of ['wrong', token]) {
      const refused = await api.call('/api/v1/session', { key: null, body: { key } });
      expect(refused).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
      expect(refused.headers.get('set-cookie')).toBeNull();
    }
    expect((await api.call('/api/v1/agents', { key: token })).status).toBe(401);
  });

  it('end when signed out', async () => {
    const { cookie } = await signIn();
    const closed = await api.call('/api/v1/session', { method: 'DELETE', key: null, headers: { cookie } });
    expect(closed.status).toBe(204);
    expect(closed.headers.get('set-cookie')).toContain('Max-Age=0');
    expect((await api.call('/api/v1/agents', { key: null, headers: { cookie } })).status).toBe(401);
  });

  it('cannot be used by pages of other origins', async () => {
    const { cookie } = await signIn();
    const change = (origin: string) =>
      api.call('/graphql', {
        key: null,
        headers: { cookie, origin },
        body: { query: 'mutation { deleteFleet(name: "nope") }' },
      });
    expect(await change('https://evil.example')).toMatchObject({
      status: 403,
      body: { code: 'cross-origin' },
    });
    expect(await change('null')).toMatchObject({ status: 403 });
    expect(await change(api.url)).toMatchObject({ status: 200 });
    const opened = await signIn({ origin: 'https://evil.example' });
    expect(opened.status).toBe(403);
  });
});

describe('wrong credentials', () => {
  it('are limited by address, and logged and counted without a word of them; right ones pass', async () => {
    const strict = await startTestApi({ wrongCredentialsPerMinute: 10, trustedProxies: ['127.0.0.0/8'] });
    const from = (address: string) => ({ 'x-forwarded-for': address });
    const guess = (n: number, address: string) =>
      n % 2 === 0
        ? strict.call('/api/v1/agents', { key: `mus_admin_wrong_${n}`, headers: from(address) })
        : strict.call('/api/v1/session', { key: null, body: { key: `wrong-${n}` }, headers: from(address) });
    const answers = [];
    for (let n = 0; n < 60; n++) answers.push(await guess(n, '192.0.2.1'));
    expect(answers.slice(0, 9).every(({ status }) => status === 401)).toBe(true);
    for (const { status, headers, body } of answers.slice(10)) {
      expect([status, body.code]).toEqual([429, 'too-many-wrong-credentials']);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect((await guess(0, '192.0.2.2')).status).toBe(401);
    const graphql = { key: 'wrong', body: { query: '{ __typename }' }, headers: from('192.0.2.1') };
    expect((await strict.call('/graphql', graphql)).status).toBe(429);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect((await strict.call('/api/v1/agents', { headers: from('192.0.2.1') })).status).toBe(200);
    const body = { key: strict.key };
    const signedIn = await strict.call('/api/v1/session', { key: null, body, headers: from('192.0.2.1') });
    expect(signedIn.status).toBe(200);
    await strict.stop();
  });

  it('that come forwarded by somebody who is not trusted count for the sender', async () => {
    const strict = await startTestApi({ wrongCredentialsPerMinute: 5 });
    const statuses = [];
    for (let n = 0; n < 10; n++) {
      const headers = { 'x-forwarded-for': `192.0.2.${n}` };
      statuses.push((await strict.call('/api/v1/agents', { key: 'wrong', headers })).status);
    }
    expect(statuses.at(-1)).toBe(429);
    expect((await strict.call('/api/v1/agents', { key: null })).status).toBe(401);
    await strict.stop();
  });
});

it('tells where agents reach Muster', async () => {
  const { hostname } = new URL(api.url);
  const url = `ws://${hostname}:14320/v1/opamp`;
  expect((await api.call('/api/v1/opamp-endpoint')).body).toEqual({ url });
  expect(await api.graphql('{ opampEndpoint }')).toEqual({ data: { opampEndpoint: url } });
});

describe('every answer', () => {
  it('keeps scripts and frames of others out', async () => {
    for (const path of [
      '/',
      '/healthz',
      '/api/v1/agents',
      '/api/v1/nope',
      '/graphql?query=%7B__typename%7D',
    ]) {
      const { headers } = await api.call(path);
      expect(headers.get('content-security-policy')).toContain("script-src 'self'");
      expect(headers.get('content-security-policy')).not.toContain('unsafe');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
    }
  });
});

describe('the web UI', () => {
  it('is served, its hashed files to be kept, its start page not', async () => {
    const start = await api.call('/', { key: null });
    expect(start).toMatchObject({ status: 200, body: expect.stringContaining('Muster') });
    expect(start.headers.get('cache-control')).toBe('no-cache');
    const asset = await api.call('/assets/main-3f2a.js', { key: null });
    expect(asset.headers.get('content-type')).toContain('javascript');
    expect(asset.headers.get('cache-control')).toContain('immutable');
  });

  it('routes its own paths', async () => {
    for (const path of ['/agents', '/fleets/edge.v2', '/agents?status=connected']) {
      expect(await api.call(path, { key: null })).toMatchObject({
        status: 200,
        body: expect.stringContaining('Muster'),
      });
    }
    expect((await api.call('/assets/missing-1.js', { key: null })).status).toBe(404);
    const outside = await api.call('/..%2f..%2fpackage.json', { key: null });
    expect(outside.body).not.toContain('dependencies');
    expect((await api.call('/agents', { key: null, method: 'POST' })).status).toBe(401);
  });
});

describe('the OpenAPI document', () => {
  it('tells exactly the routes there are', async () => {
    const routes = await withRoutes(async (all) => all);
    const served = routes
      .filter(([method, url]) => method !== 'HEAD' && url.startsWith('/api/v1/'))
      .map(
        ([method, url]) =>
          `${method.toLowerCase()} ${url.slice('/api/v1'.length).replaceAll(/:(\w+)/g, '{$1}')}`,
      );
    expect(served.sort()).toEqual(operations.map(({ method, path }) => `${method} ${path}`).sort());
  });

  it('is whole', async () => {
    const { status, body: document } = await api.call('/api/openapi.json');
    expect(status).toBe(200);
    expect(document.openapi).toBe('3.1.0');
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
    expect(references.length).toBeGreaterThan(50);
    for (const [, name] of references) expect(document.components.schemas).toHaveProperty(name!);
    expect(document.paths['/configurations'].post.requestBody.content['application/json'].schema).toEqual({
      $ref: '#/components/schemas/NewConfiguration',
    });
    expect(document.components.schemas.NewConfiguration.required).toEqual(['name']);
  });
});

describe('health', () => {
  it('is open, ready without the bus, and not without its database', async () => {
    expect(await api.call('/healthz', { key: null })).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await api.call('/readyz', { key: null })).toMatchObject({ status: 200, body: { missing: [] } });
    const away = await startTestApi();
    await away.bus.close();
    expect(await away.call('/readyz', { key: null })).toMatchObject({
      status: 200,
      body: { status: 'ready', missing: [], degraded: ['bus'] },
    });
    await away.db.destroy();
    // what was seen a second ago still counts
    await expect
      .poll(() => away.call('/readyz', { key: null }), { timeout: 5_000 })
      .toMatchObject({ status: 503, body: { status: 'not ready', missing: ['database'] } });
    expect((await away.call('/healthz', { key: null })).status).toBe(200);
    await away.stop();
  });
});

it('a port that is taken is told with its setting', async () => {
  const port = Number(new URL(api.url).port);
  await expect(startTestApi({ port })).rejects.toMatchObject({
    code: 'cannot-listen',
    message: expect.stringMatching(
      new RegExp(`127\\.0\\.0\\.1 port ${port}: the port is in use.*MUSTER_API_PORT`),
    ),
  });
});
