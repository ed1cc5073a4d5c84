import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApi, type TestApi } from './test-api.setup.ts';

const maxBodyBytes = 4 * 1024 * 1024;
let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ maxBodyBytes });
});
afterAll(() => api.stop());

const nested = (levels: number, filling: string) =>
  `{"key":${'['.repeat(levels)}${filling}1${']'.repeat(levels)}}`;
const filled = (before: string, text: string, after: string) =>
  before + text.repeat(Math.floor((maxBodyBytes - before.length - after.length - 100) / text.length)) + after;

/** Milliseconds until a cheap call is answered, the longest of those made until `work` is done. */
async function longestWait(work: Promise<unknown>): Promise<number> {
  let longest = 0;
  const progress = { isDone: false };
  void work.then(() => (progress.isDone = true));
  while (!progress.isDone) {
    const start = performance.now();
    expect((await api.call('/api/v1/session')).status).toBe(200);
    longest = Math.max(longest, performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return longest;
}

describe('a body of a stranger', () => {
  it.each([
    ['nested lists of many values', nested(29, '1,'.repeat(1_900_000))],
    ['a long key', `{"key":"${'x'.repeat(4_000_000)}"}`],
    ['4 KiB and a byte', `{"key":"${'x'.repeat(4097 - 10)}"}`],
  ])('%s: is refused with the limit, and not read', async (_what, body) => {
    const answer = await api.call('/api/v1/session', { key: null, body });
    expect(answer).toMatchObject({
      status: 413,
      body: { code: 'body-too-large', field: 'body', detail: expect.stringContaining('4096 bytes') },
    });
  });

  it('of up to 4 KiB is read', async () => {
    const body = `{"key":"${'x'.repeat(4_000)}"}`;
    expect(await api.call('/api/v1/session', { key: null, body })).toMatchObject({
      status: 400,
      body: { field: 'key' },
    });
  });

  it.each([
    ['without a credential', {}],
    ['with a wrong one', { authorization: 'Bearer mus_admin_wrong' }],
    ['in chunks', { 'transfer-encoding': 'chunked' }],
    ['on an open route', { path: '/api/v1/session' }],
    ['on one that takes none', { path: '/healthz', method: 'GET' }],
  ])(
    '%s: stops where it is, and its sender reads why',
    async (_what, { path, method, ...headers }: Record<string, string>) => {
      const { hostname, port } = new URL(api.url);
      const socket = connect(Number(port), hostname).setEncoding('latin1');
      let received = '';
      socket.on('data', (chunk) => (received += chunk));
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      socket.on('error', () => {});
      const lines = Object.entries({
        host: 'muster',
        'content-type': 'application/json',
        ...(headers['transfer-encoding'] === undefined && { 'content-length': String(1024 ** 3) }),
        ...headers,
      }).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(
        `${method ?? 'POST'} ${path ?? '/api/v1/configurations'} HTTP/1.1\r\n${lines.join('')}\r\n`,
      );
      const chunk = Buffer.alloc(65_536, 'x');
      const piece = headers['transfer-encoding']
        ? Buffer.concat([Buffer.from('10000\r\n'), chunk, Buffer.from('\r\n')])
        : chunk;
      let sent = 0;
      const feed = () => {
        while (!socket.destroyed && sent < 512 * 1024 * 1024) {
          sent += piece.length;
          if (!socket.write(piece)) break;
        }
      };
      socket.on('drain', feed);
      feed();
      await closed;
      expect(received).toMatch(/^HTTP\/1\.1 (401|413|200) /);
      // what the kernel's buffers on both sides hold, and no more
      expect(sent).toBeLessThan(32 * 1024 * 1024);
    },
  );
});

describe('eight hostile requests at once leave others alone:', () => {
  const graphql = (query: string) => JSON.stringify({ query });
  it.each<[what: string, path: string, body: string, key?: null]>([
    ['nested lists, of strangers', '/api/v1/session', nested(29, '1,'.repeat(1_900_000)), null],
    ['nested lists', '/api/v1/configurations', nested(29, '1,'.repeat(1_900_000))],
    ['many members', '/api/v1/configurations', filled('{"a":1', ',"b":1', '}')],
    ['many lists', '/api/v1/configurations', filled('[', '[],', '[]]')],
    ['a deep list', '/api/v1/configurations', '['.repeat(2_000_000) + ']'.repeat(2_000_000)],
    ['deep objects', '/api/v1/configurations', '{"a":'.repeat(19_000) + '1' + '}'.repeat(19_000)],
    [
      'wrong members',
      '/api/v1/configurations',
      `{"name":"x","files":{${Array.from({ length: 9_000 }, (_, n) => `"f${n}":1`).join()}}}`,
    ],
    [
      'unknown members',
      '/api/v1/configurations',
      `{${Array.from({ length: 9_000 }, (_, n) => `"${'f'.repeat(400)}${n}":1`).join()}}`,
    ],
    ['one long key', '/api/v1/configurations', filled('{"', 'k', '":1}')],
    ['a number without end', '/api/v1/configurations', filled('{"name":', '9', '}')],
    ['escapes', '/api/v1/configurations', filled('{"name":"', String.raw`\u0041`, '"}')],
    ['backslashes', '/api/v1/configurations', filled('{"name":"', '\\', '')],
    [
      'what may be a prototype',
      '/api/v1/configurations',
      filled('{"name":"x"', `,"__proto__"${' '.repeat(1_000)}`, '}'),
    ],
    ['texts with a NUL', '/api/v1/configurations', filled('{"name":"', 'x', '\\u0000"}')],
    ['GraphQL blanks', '/graphql', graphql(`{${' \n'.repeat(900_000)}a b c d}`)],
    [
      'GraphQL aliases',
      '/graphql',
      graphql(`{${Array.from({ length: 1_000 }, (_, n) => `a${n}:overview{agents}`).join(' ')}}`),
    ],
    ['one GraphQL field', '/graphql', graphql(`{${'overview{agents}'.repeat(1_200)}}`)],
    [
      'a GraphQL value that is wrong',
      '/graphql',
      JSON.stringify({
        query: 'query ($a: Int) { agents(limit: $a) { next } }',
        variables: { a: 'x'.repeat(3_000_000) },
      }),
    ],
  ])('%s', async (_what, path, body, key) => {
    const before = process.memoryUsage().rss;
    const cpuBefore = process.cpuUsage();
    const hostile = Promise.all(
      Array.from({ length: 8 }, () => api.call(path, { body, ...(key === null && { key }) })),
    );
    const waited = await longestWait(hostile);
    for (const { status, body: answer } of await hostile) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
      expect(JSON.stringify(answer).length).toBeLessThan(64 * 1024);
    }
    const { user, system } = process.cpuUsage(cpuBefore);
    // of client and server, which share this thread with the caller; nested lists took 40 s
    expect((user + system) / 1_000).toBeLessThan(4_000);
    expect(waited).toBeLessThan(5_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(512 * 1024 * 1024);
  });
});

it('headers that do not come to an end are cut', async () => {
  const { hostname, port } = new URL(api.url);
  const socket = connect(Number(port), hostname).setEncoding('latin1');
  socket.on('error', () => {});
  let received = '';
  socket.on('data', (chunk) => (received += chunk));
  socket.write('GET / HTTP/1.1\r\nHost: muster\r\n');
  const drip = setInterval(() => socket.write('X-A: b\r\n'), 500);
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  clearInterval(drip);
  expect(received).toMatch(/^HTTP\/1\.1 408 /);
}, 20_000);

it('an operation that the document does not hold is the fault of who asks', async () => {
  for (const options of [{}, { body: { query: '{ __typename }', operationName: 'x' } }]) {
    const path = 'body' in options ? '/graphql' : '/graphql?query=%7B__typename%7D&operationName=x';
    expect(await api.call(path, options)).toMatchObject({
      status: 400,
      body: { errors: [{ message: 'Unknown operation named "x".' }] },
    });
  }
});
