import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newUid, startTestApi, type CallOptions, type TestApi } from './test-api.setup.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
  await api.call('/api/v1/configurations', { body: { name: 'base', body: 'receivers: {}' } });
  await api.call('/api/v1/fleets/all', { method: 'PUT', body: { selector: '' } });
});
afterAll(() => api.stop());

const id = newUid();
const deep = JSON.parse('{"a":'.repeat(60) + '1' + '}'.repeat(60)) as object;
const patch = (body: unknown): CallOptions => ({ method: 'PATCH', body });
const put = (body: unknown): CallOptions => ({ method: 'PUT', body });
const post = (body?: unknown): CallOptions => ({ method: 'POST', body });
const v1 = '/api/v1';

/** What is asked, and the status, code and field of the problem it must be answered with. */
const cases: [
  what: string,
  path: string,
  options: CallOptions,
  status: number,
  code: string,
  field?: string,
][] = [
  ['unknown agent', `${v1}/agents/${id}`, {}, 404, 'unknown-agent', 'uid'],
  ['labels of an unknown agent', `${v1}/agents/${id}`, patch({ labels: {} }), 404, 'unknown-agent', 'uid'],
  ['deleting an unknown agent', `${v1}/agents/${id}`, { method: 'DELETE' }, 404, 'unknown-agent', 'uid'],
  [
    'command to an unknown agent',
    `${v1}/agents/${id}/commands`,
    post({ command: 'restart' }),
    404,
    'unknown-agent',
    'uid',
  ],
  [
    'unknown command',
    `${v1}/agents/${id}/commands`,
    post({ command: 'explode' }),
    400,
    'invalid-request',
    'command',
  ],
  ['bad uid', `${v1}/agents/not-a-uuid`, {}, 400, 'invalid-request', 'uid'],
  ['uid with a NUL', `${v1}/agents/%00`, {}, 400, 'invalid-request', 'uid'],
  ['broken selector', `${v1}/agents?selector=a%20in%20(`, {}, 400, 'invalid-selector', 'selector'],
  ['selector with a NUL', `${v1}/agents?selector=%00`, {}, 400, 'invalid-request', 'selector'],
  ['search with a NUL', `${v1}/agents?search=%00`, {}, 400, 'invalid-request', 'search'],
  ['bad status', `${v1}/agents?status=sleepy`, {}, 400, 'invalid-request', 'status'],
  ['bad cursor', `${v1}/agents?after=nonsense`, {}, 400, 'invalid-cursor', 'after'],
  ['limit of 0', `${v1}/agents?limit=0`, {}, 400, 'invalid-request', 'limit'],
  ['limit of 501', `${v1}/agents?limit=501`, {}, 400, 'invalid-request', 'limit'],
  ['limit that is no number', `${v1}/agents?limit=many`, {}, 400, 'invalid-request', 'limit'],
  ['limit that is no whole number', `${v1}/agents?limit=1.5`, {}, 400, 'invalid-request', 'limit'],
  ['two limits', `${v1}/agents?limit=1&limit=2`, {}, 400, 'invalid-request', 'limit'],
  ['misspelt parameter', `${v1}/agents?slector=a`, {}, 400, 'invalid-request', 'slector'],
  [
    'label that is no text',
    `${v1}/agents/${id}`,
    patch({ labels: { a: 1 } }),
    400,
    'invalid-request',
    'labels.a',
  ],
  [
    'label with a NUL',
    `${v1}/agents/${id}`,
    patch({ labels: { a: '\0' } }),
    400,
    'invalid-request',
    'labels.a',
  ],
  [
    'half a surrogate pair',
    `${v1}/agents/${id}`,
    patch({ labels: { a: '\ud800' } }),
    400,
    'invalid-request',
    'labels.a',
  ],
  [
    'label name that is none',
    `${v1}/agents/${id}`,
    patch({ labels: { 'a b': '' } }),
    400,
    'invalid-label',
    'labels.a b',
  ],
  ['no body', `${v1}/configurations`, post(), 400, 'invalid-request', 'body'],
  ['body that is a list', `${v1}/configurations`, post([]), 400, 'invalid-request', 'body'],
  ['body that is no JSON', `${v1}/configurations`, post('{"name":'), 400, 'malformed-request', 'body'],
  [
    'body that poisons prototypes',
    `${v1}/configurations`,
    post('{"__proto__":{}}'),
    400,
    'malformed-request',
    'body',
  ],
  [
    'body that is not said to be JSON',
    `${v1}/configurations`,
    { ...post('{}'), headers: { 'content-type': 'text/plain' } },
    415,
    'unsupported-media-type',
  ],
  [
    'oversize body',
    `${v1}/configurations`,
    post({ name: 'big', body: 'x'.repeat(200_000) }),
    413,
    'body-too-large',
    'body',
  ],
  ['missing member', `${v1}/configurations`, post({ name: 'x' }), 400, 'invalid-request', 'body'],
  [
    'misspelt member',
    `${v1}/configurations`,
    post({ name: 'x', body: '', comments: '' }),
    400,
    'invalid-request',
    'comments',
  ],
  [
    'bad name',
    `${v1}/configurations`,
    post({ name: 'a b', body: 'receivers: {}' }),
    400,
    'invalid-name',
    'name',
  ],
  [
    'name that is taken',
    `${v1}/configurations`,
    post({ name: 'base', body: 'receivers: {}' }),
    409,
    'configuration-exists',
    'name',
  ],
  [
    'bad YAML',
    `${v1}/configurations`,
    post({ name: 'x', body: 'a: 1\nb: [' }),
    422,
    'invalid-configuration',
    'body',
  ],
  [
    'bad YAML in a version',
    `${v1}/configurations/base/versions`,
    post({ body: 'a: 1\na: 2' }),
    422,
    'invalid-configuration',
    'body',
  ],
  ['unknown configuration', `${v1}/configurations/nope`, {}, 404, 'unknown-configuration', 'configuration'],
  [
    'versions of an unknown configuration',
    `${v1}/configurations/nope/versions`,
    {},
    404,
    'unknown-configuration',
    'configuration',
  ],
  [
    'version of an unknown configuration',
    `${v1}/configurations/nope/versions`,
    post({ body: 'receivers: {}' }),
    404,
    'unknown-configuration',
    'configuration',
  ],
  [
    'validating an unknown configuration',
    `${v1}/configurations/nope/validate`,
    post({}),
    404,
    'unknown-configuration',
    'configuration',
  ],
  [
    'preview of an unknown configuration',
    `${v1}/configurations/nope/preview`,
    post({ agent: id }),
    404,
    'unknown-configuration',
    'configuration',
  ],
  [
    'preview for a bad uid',
    `${v1}/configurations/base/preview`,
    post({ agent: 'x' }),
    400,
    'invalid-request',
    'agent',
  ],
  ['configuration name with a NUL', `${v1}/configurations/%00`, {}, 400, 'invalid-request', 'name'],
  [
    'unknown version',
    `${v1}/configurations/base/versions/9`,
    {},
    404,
    'unknown-configuration-version',
    'version',
  ],
  ['bad version', `${v1}/configurations/base/versions/one`, {}, 400, 'invalid-request', 'version'],
  [
    'version that no column holds',
    `${v1}/configurations/base/versions/99999999999`,
    {},
    400,
    'invalid-request',
    'version',
  ],
  ['diff without versions', `${v1}/configurations/base/diff`, {}, 400, 'invalid-request', 'from'],
  ['bad cursor of a short list', `${v1}/configurations?after=%C3%BC`, {}, 400, 'invalid-request', 'after'],
  ['fleet without a selector', `${v1}/fleets/x`, put({}), 400, 'invalid-request', 'selector'],
  [
    'fleet with a broken selector',
    `${v1}/fleets/x`,
    put({ selector: '=' }),
    400,
    'invalid-selector',
    'selector',
  ],
  ['fleet with a bad name', `${v1}/fleets/a%20b`, put({ selector: '' }), 400, 'invalid-name', 'name'],
  [
    'fleet with a priority that no column holds',
    `${v1}/fleets/x`,
    put({ selector: '', priority: 1e12 }),
    400,
    'invalid-request',
    'priority',
  ],
  [
    'fleet with an unknown configuration',
    `${v1}/fleets/x`,
    put({ selector: '', configuration: 'nope' }),
    404,
    'unknown-configuration',
    'configuration',
  ],
  [
    'fleet with a bad policy',
    `${v1}/fleets/x`,
    put({ selector: '', policy: { waves: ['x'] } }),
    400,
    'invalid-policy',
    'policy.waves[0]',
  ],
  [
    'endless nesting',
    `${v1}/fleets/x`,
    put({ selector: '', policy: deep }),
    400,
    'invalid-request',
    'policy',
  ],
  ['unknown fleet', `${v1}/fleets/nope`, {}, 404, 'unknown-fleet', 'fleet'],
  ['deleting an unknown fleet', `${v1}/fleets/nope`, { method: 'DELETE' }, 404, 'unknown-fleet', 'fleet'],
  [
    'rollout in an unknown fleet',
    `${v1}/rollouts`,
    post({ fleet: 'nope', configuration: 'base', version: 1 }),
    404,
    'unknown-fleet',
    'fleet',
  ],
  [
    'rollout of an unknown version',
    `${v1}/rollouts`,
    post({ fleet: 'all', configuration: 'base', version: 7 }),
    404,
    'unknown-configuration-version',
    'version',
  ],
  [
    'rollout with a bad policy',
    `${v1}/rollouts`,
    post({ fleet: 'all', configuration: 'base', version: 1, policy: { maxFailed: -1 } }),
    400,
    'invalid-policy',
    'policy.maxFailed',
  ],
  ['unknown rollout', `${v1}/rollouts/${id}`, {}, 404, 'unknown-rollout', 'id'],
  ['events of an unknown rollout', `${v1}/rollouts/${id}/events`, {}, 404, 'unknown-rollout', 'id'],
  ['pausing an unknown rollout', `${v1}/rollouts/${id}/pause`, post(), 404, 'unknown-rollout', 'id'],
  ['bad rollout id', `${v1}/rollouts/7`, {}, 400, 'invalid-request', 'id'],
  ['unknown order', `${v1}/rollouts/${id}/explode`, post(), 404, 'unknown-route'],
  ['bad cursor of rollouts', `${v1}/rollouts?after=x`, {}, 400, 'invalid-cursor', 'after'],
  [
    'token change without a field',
    `${v1}/enrollment-tokens/${id}`,
    patch({}),
    400,
    'invalid-request',
    'mayTakeOver',
  ],
  [
    'token change of no boolean',
    `${v1}/enrollment-tokens/${id}`,
    patch({ mayTakeOver: 'yes' }),
    400,
    'invalid-request',
    'mayTakeOver',
  ],
  [
    'change of an unknown token',
    `${v1}/enrollment-tokens/${id}`,
    patch({ mayTakeOver: true }),
    404,
    'unknown-enrollment-token',
    'id',
  ],
  ['token without a name', `${v1}/enrollment-tokens`, post({}), 400, 'invalid-request', 'name'],
  [
    'token that has expired',
    `${v1}/enrollment-tokens`,
    post({ name: 'x', expiresAt: '2001-01-01T00:00:00Z' }),
    400,
    'invalid-request',
    'expiresAt',
  ],
  [
    'token with no time',
    `${v1}/enrollment-tokens`,
    post({ name: 'x', expiresAt: 'soon' }),
    400,
    'invalid-request',
    'expiresAt',
  ],
  [
    'token for nobody',
    `${v1}/enrollment-tokens`,
    post({ name: 'x', maxUses: 0 }),
    400,
    'invalid-request',
    'maxUses',
  ],
  [
    'token with a bad label',
    `${v1}/enrollment-tokens`,
    post({ name: 'x', labels: { '': 'x' } }),
    400,
    'invalid-label',
    'labels.',
  ],
  [
    'unknown token',
    `${v1}/enrollment-tokens/${id}`,
    { method: 'DELETE' },
    404,
    'unknown-enrollment-token',
    'id',
  ],
  ['bad cursor of the audit log', `${v1}/audit?after=x`, {}, 400, 'invalid-cursor', 'after'],
  ['unknown route', `${v1}/nope`, {}, 404, 'unknown-route'],
  ['unknown method', `${v1}/overview`, { method: 'DELETE' }, 404, 'unknown-route'],
  ['malformed address', `${v1}/agents/%zz`, {}, 400, 'malformed-address'],
];

it.each(cases)('%s', async (_what, path, options, status, code, field) => {
  const answer = await api.call(path, options);
  expect(answer.body).toMatchObject({ status, code, ...(field !== undefined && { field }) });
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  expect(answer.body).toMatchObject({
    type: 'about:blank',
    title: expect.any(String),
    detail: expect.any(String),
  });
  expect(JSON.stringify(answer.body)).not.toMatch(/\bat .*:\d+:\d+|node_modules|select |insert /);
});

it('a client that sends an oversize body reads the answer while it sends, and its connection goes on', async () => {
  const { hostname, port } = new URL(api.url);
  const socket = connect(Number(port), hostname).setEncoding('latin1');
  let received = '';
  socket.on('data', (chunk) => (received += chunk));
  const head = (method: string, path: string) =>
    `${method} ${v1}/${path} HTTP/1.1\r\nHost: muster\r\nAuthorization: Bearer ${api.key}\r\n`;

  socket.write(
    `${head('POST', 'configurations')}Content-Type: application/json\r\nContent-Length: 200000\r\n\r\n`,
  );
  await expect.poll(() => received).toContain('body-too-large');
  socket.write('x'.repeat(200_000));
  received = '';
  socket.write(`${head('GET', 'overview')}\r\n`);

  await expect.poll(() => received).toMatch(/^HTTP\/1\.1 200 OK/);
  socket.destroy();
});

it('bad YAML is told with line and column', async () => {
  const { body } = await api.call(`${v1}/configurations`, post({ name: 'x', body: 'a: 1\nb: [' }));
  expect(body.problems).toMatchObject([{ severity: 'error', line: 2, column: expect.any(Number) }]);
  expect(body.detail).toMatch(/line 2, column \d+/);
});

it('a broken selector is told with its place', async () => {
  const { body } = await api.call(`${v1}/agents?selector=a%20in%20x`);
  expect(body.position).toEqual(expect.any(Number));
});

it('several wrong members are told together', async () => {
  const { body } = await api.call(`${v1}/rollouts`, post({ fleet: 1, configuration: 2, version: 'x' }));
  expect(body.errors.map(({ field }: { field: string }) => field)).toEqual([
    'fleet',
    'configuration',
    'version',
  ]);
});

it('a refused change is not in the audit log', async () => {
  const before = (await api.call(`${v1}/audit?limit=500`)).body.items.length;
  await api.call(`${v1}/fleets/nope`, { method: 'DELETE' });
  await api.call(`${v1}/configurations`, post({ name: 'base', body: 'receivers: {}' }));
  expect((await api.call(`${v1}/audit?limit=500`)).body.items).toHaveLength(before);
});

describe('when something breaks inside', () => {
  it('says nothing but that', async () => {
    await api.db.schema.alterTable('audit_events').renameTo('audit_events_away').execute();
    const broken = await api.call(`${v1}/audit`);
    await api.db.schema.alterTable('audit_events_away').renameTo('audit_events').execute();
    expect(broken).toMatchObject({ status: 500, body: { code: 'internal', title: 'Internal Server Error' } });
    expect(JSON.stringify(broken.body)).not.toContain('audit_events');
    expect(broken.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});
