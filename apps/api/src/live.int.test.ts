import { createClient, type Client, type ClientOptions } from 'graphql-ws';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { described, newUid, startTestApi, type TestApi } from './test-api.setup.ts';

let api: TestApi;
const clients: Client[] = [];
beforeAll(async () => {
  api = await startTestApi();
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.dispose()));
});
afterAll(() => api.stop());

const socketUrl = () => `${api.url.replace('http', 'ws')}/graphql`;

/** A WebSocket class that sends these headers with the upgrade, as a browser does its own. */
function withHeaders(headers: Record<string, string>) {
  return class extends WebSocket {
    constructor(url: string, protocols: string) {
      super(url, protocols, { headers });
    }
  };
}

function connect(options: Partial<ClientOptions> = {}, headers: Record<string, string> = {}): Client {
  const client = createClient({
    url: socketUrl(),
    webSocketImpl: withHeaders(headers),
    connectionParams: { authorization: `Bearer ${api.key}` },
    retryAttempts: 0,
    ...options,
  });
  clients.push(client);
  return client;
}

interface Subscribed {
  // oxlint-disable-next-line typescript/no-explicit-any
  events: any[];
  errors: unknown[];
}

/** Subscribes, gives the server time to, and collects what comes. */
async function subscribe(client: Client, query: string): Promise<Subscribed> {
  const subscribed: Subscribed = { events: [], errors: [] };
  const connected = new Promise<void>((resolve) => client.on('connected', () => resolve()));
  client.subscribe(
    { query },
    {
      next: ({ data, errors }) =>
        void (errors ? subscribed.errors.push(...errors) : subscribed.events.push(data)),
      error: (error) => void subscribed.errors.push(error),
      complete: () => {},
    },
  );
  await connected;
  await new Promise((resolve) => setTimeout(resolve, 100));
  return subscribed;
}

/** Why the server closes a connection. */
async function closeCode(
  options: Partial<ClientOptions>,
  headers: Record<string, string> = {},
): Promise<unknown> {
  return new Promise((resolve) => {
    connect(options, headers).subscribe(
      { query: 'subscription { agentsDeleted }' },
      {
        next: () => {},
        error: (error) => resolve((error as { code?: number }).code ?? error),
        complete: () => {},
      },
    );
  });
}

async function signIn(): Promise<string> {
  const { headers } = await api.call('/api/v1/session', { key: null, body: { key: api.key } });
  return headers.get('set-cookie')!.split(';')[0]!;
}

describe('who may subscribe', () => {
  it('is asked for a credential', async () => {
    expect(await closeCode({ connectionParams: {} })).toBe(4403);
    expect(await closeCode({ connectionParams: { authorization: 'Bearer wrong' } })).toBe(4403);
    expect(await closeCode({ connectionParams: {} }, { cookie: 'muster_session=wrong' })).toBe(4403);
  });

  it('may use a session cookie, from pages of this origin alone', async () => {
    const cookie = await signIn();
    const client = connect({ connectionParams: {} }, { cookie, origin: api.url });
    expect((await subscribe(client, 'subscription { agentsDeleted }')).errors).toEqual([]);
    const refused = new WebSocket(socketUrl(), 'graphql-transport-ws', {
      headers: { cookie, origin: 'https://evil.example' },
    });
    await expect(new Promise((_resolve, reject) => refused.on('error', reject))).rejects.toThrow('403');
  });

  it('must speak the protocol and ask on the right path', async () => {
    const elsewhere = new WebSocket(socketUrl().replace('/graphql', '/other'), 'graphql-transport-ws');
    await expect(new Promise((_resolve, reject) => elsewhere.on('error', reject))).rejects.toThrow('404');
    const other = new WebSocket(socketUrl(), 'graphql-ws');
    const code = await new Promise((resolve) => {
      other.on('close', resolve);
      other.on('error', () => resolve('refused'));
    });
    expect(['refused', 4406]).toContain(code);
  });
});

describe('agents', () => {
  it('that are new or change arrive within a second, with what they run', async () => {
    const { events } = await subscribe(
      connect(),
      'subscription { agentsChanged { uid name status configuration { status } } }',
    );
    const uid = newUid();
    await api.report(uid, described('live-host'));
    const changedAt = performance.now();
    await vi.waitFor(() => expect(events).toHaveLength(1), { interval: 5 });
    expect(performance.now() - changedAt).toBeLessThan(1_000);
    expect(events[0].agentsChanged).toEqual([
      { uid, name: 'live-host', status: 'connected', configuration: { status: 'none' } },
    ]);
    await api.report(uid, {}, { disconnected: true });
    await vi.waitFor(() =>
      expect(events.at(-1).agentsChanged).toMatchObject([{ uid, status: 'disconnected' }]),
    );
  });

  it('that change often arrive twice a second at most, the last state of each for sure', async () => {
    const { events } = await subscribe(connect(), 'subscription { agentsChanged { uid name } }');
    const uids = [newUid(), newUid(), newUid()];
    const begun = performance.now();
    for (let round = 1; round <= 10; round++) {
      for (const uid of uids) await api.report(uid, described(`round-${round}`));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const names = () =>
      new Map(events.flatMap(({ agentsChanged }) => agentsChanged).map(({ uid, name }) => [uid, name]));
    await vi.waitFor(() => expect(uids.map((uid) => names().get(uid))).toEqual(uids.map(() => 'round-10')));
    const seconds = (performance.now() - begun) / 1_000;
    expect(events.length).toBeLessThanOrEqual(2 * seconds + 2);
  });

  it('one of them can be followed, with all its detail', async () => {
    const [uid, other] = [newUid(), newUid()];
    const { events } = await subscribe(
      connect(),
      `subscription { agentsChanged(uid: "${uid}") { uid health effectiveConfig } }`,
    );
    await api.report(other, described('other'));
    await api.report(uid, described('followed'));
    await vi.waitFor(() => expect(events).toHaveLength(1));
    expect(events[0].agentsChanged).toMatchObject([
      { uid, health: { healthy: true }, effectiveConfig: { '': 'receivers: {}\n' } },
    ]);
  });

  it('that are deleted are told', async () => {
    const uid = newUid();
    await api.report(uid, described('deleted'));
    const { events } = await subscribe(connect(), 'subscription { agentsDeleted }');
    await api.call(`/api/v1/agents/${uid}`, { method: 'DELETE' });
    await vi.waitFor(() => expect(events).toEqual([{ agentsDeleted: [uid] }]));
  });
});

it('the overview follows what changes', async () => {
  const { events } = await subscribe(connect(), 'subscription { overviewChanged { fleets agents } }');
  const before = (await api.call('/api/v1/overview')).body.fleets;
  await api.call('/api/v1/fleets/counted', { method: 'PUT', body: { selector: 'a=b' } });
  await vi.waitFor(() => expect(events.at(-1)?.overviewChanged.fleets).toBe(before + 1));
});

it('rollouts are followed, one or all', async () => {
  await api.call('/api/v1/configurations', { body: { name: 'live', body: 'receivers: {}' } });
  await api.report(newUid(), described('rolled', { live: 'yes' }));
  await api.call('/api/v1/fleets/live', { method: 'PUT', body: { selector: 'live=yes', priority: 9 } });
  const all = await subscribe(connect(), 'subscription { rolloutChanged { id state } }');
  const { id } = (
    await api.call('/api/v1/rollouts', { body: { fleet: 'live', configuration: 'live', version: 1 } })
  ).body;
  const one = await subscribe(connect(), `subscription { rolloutChanged(id: "${id}") { state } }`);
  await vi.waitFor(() => expect(all.events).toContainEqual({ rolloutChanged: { id, state: 'running' } }));
  await api.call(`/api/v1/rollouts/${id}/pause`, { method: 'POST' });
  await vi.waitFor(() => expect(one.events.at(-1)).toEqual({ rolloutChanged: { state: 'paused' } }));
});

describe('bad subscriptions', () => {
  it.each([
    ['an unknown field', 'subscription { nope }', 'invalid-query'],
    ['no GraphQL', 'subscription {', 'invalid-query'],
    ['a bad uid', 'subscription { agentsChanged(uid: "x") { uid } }', 'invalid-request'],
    ['a text without end', `subscription { ${'a '.repeat(5_001)} }`, 'invalid-query'],
    ['too much at once', '{ agents(limit: 500) { items { health components } } }', 'query-too-complex'],
  ])('%s', async (_what, query, code) => {
    const { errors } = await subscribe(connect(), query);
    await vi.waitFor(() => expect(errors.flat()).toMatchObject([{ extensions: { code } }]));
  });
});

it('queries and mutations work over the same connection', async () => {
  const { events } = await subscribe(connect(), '{ __typename }');
  await vi.waitFor(() => expect(events).toEqual([{ __typename: 'Query' }]));
});

it('a connection ends when its session does', async () => {
  const own = await startTestApi({}, { recheckMs: 50 });
  const opened = await own.call('/api/v1/session', { key: null, body: { key: own.key } });
  const cookie = opened.headers.get('set-cookie')!.split(';')[0]!;
  const client = connect(
    { url: `${own.url.replace('http', 'ws')}/graphql`, connectionParams: {} },
    { cookie },
  );
  const closed = new Promise<{ code: number }>((resolve) => {
    client.on('closed', (event) => resolve(event as { code: number }));
  });
  await subscribe(client, 'subscription { agentsDeleted }');
  await own.call('/api/v1/session', { method: 'DELETE', key: null, headers: { cookie } });
  expect((await closed).code).toBe(4403);
  await own.stop();
});

it('stopping lets go of who listens, within a second', async () => {
  const own = await startTestApi();
  const client = connect({
    url: `${own.url.replace('http', 'ws')}/graphql`,
    connectionParams: { authorization: `Bearer ${own.key}` },
  });
  await subscribe(client, 'subscription { agentsDeleted }');
  const begun = performance.now();
  await own.stopServer();
  expect(performance.now() - begun).toBeLessThan(1_000);
  await own.stop();
});
