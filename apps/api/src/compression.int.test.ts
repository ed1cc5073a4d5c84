import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { described, newUid, startTestApi, type TestApi } from './test-api.setup.ts';

const script = 'export const words = "the same again and again";\n'.repeat(500);
const style = '.plain { color: red }\n'.repeat(500);

let api: TestApi;
let webRoot: string;
beforeAll(async () => {
  webRoot = await mkdtemp(join(tmpdir(), 'muster-web-'));
  await mkdir(join(webRoot, 'assets'));
  await writeFile(join(webRoot, 'index.html'), '<!doctype html><title>Muster</title>');
  await writeFile(join(webRoot, 'assets/main-3f2a.js'), script);
  await writeFile(join(webRoot, 'assets/main-3f2a.js.br'), brotliCompressSync(script));
  await writeFile(join(webRoot, 'assets/main-3f2a.js.gz'), gzipSync(script));
  await writeFile(join(webRoot, 'assets/plain-1.css'), style);
  api = await startTestApi({ webRoot });
  for (let n = 0; n < 20; n++) await api.report(newUid(), described(`host-${n}`));
});
afterAll(async () => {
  await api.stop();
  await rm(webRoot, { recursive: true });
});

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  bytes: Buffer;
}

/** What goes over the wire: no client of ours unpacks it. */
function ask(
  path: string,
  acceptEncoding: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = request(
      `${api.url}${path}`,
      {
        method: body ? 'POST' : 'GET',
        headers: {
          authorization: `Bearer ${api.key}`,
          'accept-encoding': acceptEncoding,
          ...(body && { 'content-type': 'application/json' }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode!, headers: response.headers, bytes: Buffer.concat(chunks) }),
        );
      },
    );
    asking.on('error', reject);
    asking.end(body && JSON.stringify(body));
  });
}

const unpack = { br: brotliDecompressSync, gzip: gunzipSync };

describe('files', () => {
  it.each(['br', 'gzip'] as const)('go out as %s, to be kept for good', async (encoding) => {
    const { status, headers, bytes } = await ask('/assets/main-3f2a.js', encoding);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-encoding': encoding,
      'content-type': expect.stringContaining('javascript'),
      vary: expect.stringMatching(/accept-encoding/i),
      'cache-control': expect.stringContaining('immutable'),
    });
    expect(bytes.length).toBeLessThan(script.length / 10);
    expect(String(unpack[encoding](bytes))).toBe(script);
  });

  it('go out as they are to who takes nothing else, under another ETag', async () => {
    const [plain, packed] = await Promise.all(
      ['identity', 'br, gzip'].map((encoding) => ask('/assets/main-3f2a.js', encoding)),
    );
    expect(plain!.headers['content-encoding']).toBeUndefined();
    expect(plain!.headers.vary).toMatch(/accept-encoding/i);
    expect(String(plain!.bytes)).toBe(script);
    expect(packed!.headers['content-encoding']).toBe('br');
    expect(packed!.headers.etag).not.toBe(plain!.headers.etag);
    const again = await ask('/assets/main-3f2a.js', 'br, gzip', undefined, {
      'if-none-match': packed!.headers.etag!,
    });
    expect([again.status, again.bytes.length]).toEqual([304, 0]);
  });

  it('that the build has not packed are packed now', async () => {
    const { headers, bytes } = await ask('/assets/plain-1.css', 'gzip');
    expect(headers['content-encoding']).toBe('gzip');
    expect(String(gunzipSync(bytes))).toBe(style);
  });

  it('are not to be had packed under names of their own', async () => {
    expect((await ask('/assets/main-3f2a.js.br', 'identity')).status).toBe(404);
  });
});

describe('answers', () => {
  const query = '{ agents { items { uid name status attributes } } }';

  it.each(['br', 'gzip'] as const)('of the API go out as %s', async (encoding) => {
    for (const answer of [
      await ask('/api/v1/agents', encoding),
      await ask('/api/openapi.json', encoding),
      await ask('/graphql', encoding, { query }),
      await ask(`/graphql?query=${encodeURIComponent(query)}`, encoding),
    ]) {
      expect(answer.status).toBe(200);
      expect(answer.headers['content-encoding']).toBe(encoding);
      expect(answer.headers.vary).toMatch(/accept-encoding/i);
      const text = String(unpack[encoding](answer.bytes));
      expect(answer.bytes.length).toBeLessThan(text.length / 3);
      expect(() => JSON.parse(text) as unknown).not.toThrow();
    }
  });

  it('that are short stay as they are', async () => {
    expect((await ask('/api/v1/session', 'br')).headers['content-encoding']).toBeUndefined();
  });

  it('that hold a secret beside what was sent do too', async () => {
    const labels = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`label-${n}`, 'x'.repeat(50)]));
    const made = await ask('/api/v1/enrollment-tokens', 'br, gzip', { name: 'n'.repeat(200), labels });
    expect(made.headers['content-encoding']).toBeUndefined();
    expect(String(made.bytes)).toContain('mus_enroll_');
    const tokens = Array.from(
      { length: 10 },
      (_, n) => `a${n}: createEnrollmentToken(name: "${'n'.repeat(200)}") { id token }`,
    );
    const several = await ask('/graphql', 'br, gzip', {
      query: `mutation { ${tokens.slice(0, 10).join(' ')} }`,
    });
    expect(several.bytes.length).toBeGreaterThan(1_024);
    expect(several.headers['content-encoding']).toBeUndefined();
    expect(String(several.bytes)).toContain('mus_enroll_');
  });
});

it('packed bodies of requests are not unpacked', async () => {
  const answer = await api.call('/api/v1/configurations', {
    body: 'not JSON, as gzip is not',
    headers: { 'content-encoding': 'gzip' },
  });
  expect(answer.status).toBe(400);
});
