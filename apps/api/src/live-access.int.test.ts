import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { startApi } from './start.ts';
import { described, newUid, startTestApi, type TestApi } from './test-api.setup.ts';

let api: TestApi;
/** A second API process on the same database and bus. */
let other: { url: string; stop(): Promise<void> };
beforeAll(async () => {
  api = await startTestApi({}, { recheckMs: 600_000 });
  other = await startApi({ ...api, recheckMs: 600_000 });
});
afterAll(async () => {
  await other.stop();
  await api.stop();
});

interface Message {
  id?: string;
  type: string;
  payload?: unknown;
}

/** A client that says what it is told to, whatever the protocol wants. */
class RawClient {
  readonly received: Message[] = [];
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;

  constructor(url: string, headers: Record<string, string> = {}) {
    this.#socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', { headers });
    this.#socket.on('message', (data) => this.received.push(JSON.parse(String(data)) as Message));
    this.#socket.on('error', () => {});
    this.closed = new Promise((resolve) => this.#socket.once('close', resolve));
  }

  async open(payload: object = {}): Promise<this> {
    await once(this.#socket, 'open');
    this.say({ type: 'connection_init', payload });
    await vi.waitFor(() => expect(this.received.map(({ type }) => type)).toContain('connection_ack'));
    return this;
  }

  say(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }

  ask(id: string, query: string): void {
    this.say({ id, type: 'subscribe', payload: { query } });
  }

  answers(id: string): Message[] {
    return this.received.filter((message) => message.id === id);
  }

  async answer(id: string): Promise<Message> {
    await vi.waitFor(() => expect(this.answers(id)).not.toEqual([]));
    return this.answers(id)[0]!;
  }

  end(): Promise<number> {
    this.#socket.terminate();
    return this.closed;
  }
}

async function signIn(): Promise<string> {
  const { headers } = await api.call('/api/v1/session', { key: null, body: { key: api.key } });
  return headers.get('set-cookie')!.split(';')[0]!;
}

const signOut = (cookie: string) =>
  api.call('/api/v1/session', { method: 'DELETE', key: null, headers: { cookie } });

describe('what a credential opened ends with it', () => {
  it('in every process, as soon as its session does', async () => {
    const cookie = await signIn();
    const clients = await Promise.all(
      [api.url, other.url].map((url) => new RawClient(url, { cookie }).open()),
    );
    const neighbour = await new RawClient(other.url, { cookie: await signIn() }).open();
    for (const client of clients) client.ask('1', 'subscription { agentsDeleted }');
    const begun = performance.now();
    await signOut(cookie);
    expect(await Promise.all(clients.map(({ closed }) => closed))).toEqual([4403, 4403]);
    expect(performance.now() - begun).toBeLessThan(5_000);
    neighbour.ask('1', '{ __typename }');
    expect(await neighbour.answer('1')).toMatchObject({ payload: { data: { __typename: 'Query' } } });
    await neighbour.end();
  });

  it('when its key is replaced by another preset', async () => {
    await api.access.ensureAdminKey('a-preset-admin-key');
    const client = await new RawClient(other.url).open({ authorization: 'Bearer a-preset-admin-key' });
    await api.access.ensureAdminKey('another-preset-key');
    expect(await client.closed).toBe(4403);
  });

  it('within five seconds when nobody tells of it', async () => {
    const deaf = await startApi({ ...api, settings: { ...api.settings, port: 0 } });
    const cookie = await signIn();
    const client = await new RawClient(deaf.url, { cookie }).open();
    client.ask('1', 'subscription { agentsDeleted }');
    await api.db.deleteFrom('sessions').where('secret_hash', '=', hashOf(cookie)).execute();
    const begun = performance.now();
    expect(await client.closed).toBe(4403);
    expect(performance.now() - begun).toBeLessThan(5_000);
    await deaf.stop();
  }, 10_000);

  it('before the next operation', async () => {
    const cookie = await signIn();
    const client = await new RawClient(api.url, { cookie }).open();
    await api.db.deleteFrom('sessions').where('secret_hash', '=', hashOf(cookie)).execute();
    client.ask('1', 'mutation { deleteFleet(name: "nope") }');
    expect(await client.closed).toBe(4403);
    expect(client.answers('1').filter(({ type }) => type === 'next')).toEqual([]);
  });

  it('before the next event', async () => {
    const cookie = await signIn();
    const client = await new RawClient(api.url, { cookie }).open();
    client.ask('1', 'subscription { agentsChanged { uid } }');
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await api.db.deleteFrom('sessions').where('secret_hash', '=', hashOf(cookie)).execute();
    await api.report(newUid(), described('after-the-session'));
    expect(await client.closed).toBe(4403);
    expect(client.answers('1')).toEqual([]);
  });
});

function hashOf(cookie: string): Buffer {
  return createHash('sha256').update(cookie.split('=')[1]!).digest();
}

describe('one that asks for more than there is', () => {
  const authorized = () => ({ authorization: `Bearer ${api.key}` });

  it('gets 100 subscriptions and is cut when it goes on', async () => {
    const client = await new RawClient(api.url).open(authorized());
    const before = process.memoryUsage().rss;
    for (let n = 0; n < 20_000; n++) client.ask(`s${n}`, 'subscription { agentsDeleted }');
    expect(await client.closed).toBe(4429);
    const refused = client.received.filter(({ type }) => type === 'error');
    expect(refused.length).toBeGreaterThanOrEqual(200);
    expect(refused[0]).toMatchObject({
      id: 's100',
      payload: [{ message: expect.stringContaining('100'), extensions: { code: 'query-too-complex' } }],
    });
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1024 * 1024);
    const next = await new RawClient(api.url).open(authorized());
    next.ask('1', '{ __typename }');
    expect((await next.answer('1')).type).toBe('next');
    await next.end();
  });

  it('may ask again when others are done', async () => {
    const client = await new RawClient(api.url).open(authorized());
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 90; n++) client.ask(`${round}-${n}`, 'subscription { agentsDeleted }');
      client.ask(`${round}`, '{ __typename }');
      expect((await client.answer(`${round}`)).type).toBe('next');
      for (let n = 0; n < 90; n++) client.say({ id: `${round}-${n}`, type: 'complete' });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(client.received.filter(({ type }) => type === 'error')).toEqual([]);
    await client.end();
  });

  it('has 500 over all its sockets, and 100 sockets', async () => {
    const cookie = await signIn();
    const clients = await Promise.all(
      Array.from({ length: 100 }, () => new RawClient(api.url, { cookie }).open()),
    );
    for (const client of clients.slice(0, 6)) {
      for (let n = 0; n < 90; n++) client.ask(`${n}`, 'subscription { agentsDeleted }');
    }
    const errors = () =>
      clients.flatMap(({ received }) => received.filter(({ type }) => type === 'error')).length;
    await vi.waitFor(() => expect(errors()).toBe(40));
    const oneMore = new RawClient(api.url, { cookie });
    await expect(oneMore.open()).rejects.toThrow();
    expect(await oneMore.closed).toBe(4429);
    await Promise.all(clients.map((client) => client.end()));
    const again = await new RawClient(api.url, { cookie }).open();
    again.ask('1', '{ __typename }');
    expect((await again.answer('1')).type).toBe('next');
    await again.end();
  });

  it('is cut at 4 KiB while nobody knows it', async () => {
    const client = new RawClient(api.url);
    await expect(client.open({ authorization: 'x'.repeat(8_000) })).rejects.toThrow();
    expect(await client.closed).toBe(1006);
  });

  it('is refused a message of more than 256 KiB without a word on the console', async () => {
    const written = vi.spyOn(console, 'error');
    const client = await new RawClient(api.url).open(authorized());
    client.ask('1', `{ __typename } # ${'x'.repeat(300_000)}`);
    expect(await client.closed).toBe(1009);
    expect(written).not.toHaveBeenCalled();
  });

  it.each([
    ['100 aliases', `{ ${Array.from({ length: 100 }, (_, n) => `a${n}: overview { agents }`).join(' ')} }`],
    ['a fragment that spreads itself', 'subscription { ...f } fragment f on Subscription { ...f }'],
    ['depth', `${'{ a '.repeat(2_000)}${'}'.repeat(2_000)}`],
  ])('is told why: %s', async (_what, query) => {
    const client = await new RawClient(api.url).open(authorized());
    client.ask('1', query);
    expect(await client.answer('1')).toMatchObject({
      type: 'error',
      payload: [{ extensions: { code: 'query-too-complex' } }],
    });
    await client.end();
  });
});
