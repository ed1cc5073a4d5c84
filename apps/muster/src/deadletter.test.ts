import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runDeadLetterCommand } from './deadletter.ts';

const letter = {
  id: '019a0000-0000-7000-8000-000000000001',
  subject: 'reports',
  group: 'inventory',
  at: '2026-11-30T12:00:00.000Z',
  tries: 3,
  error: 'RangeError: Invalid string length',
  agent: '019a0000-0000-7000-8000-00000000000a',
  bytes: 17,
};

describe('muster deadletter', () => {
  let server: Server;
  let url: string;
  let dataDir: string;
  let asked: { method: string; path: string; authorization: string }[] = [];
  let answer: { status: number; body: string };

  beforeAll(async () => {
    server = createServer((request, response) => {
      const { method = '', url: path = '', headers } = request;
      asked.push({ method, path, authorization: headers.authorization ?? '' });
      response.writeHead(answer.status).end(answer.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    dataDir = await mkdtemp(join(tmpdir(), 'muster-'));
    await writeFile(join(dataDir, 'admin-key'), 'from-the-file\n');
  });
  afterAll(async () => {
    server.close();
    await rm(dataDir, { recursive: true });
  });
  beforeEach(() => {
    asked = [];
    answer = { status: 200, body: JSON.stringify({ items: [letter], next: letter.id }) };
  });

  async function run(args: string[], environment: Record<string, string> = { MUSTER_ADMIN_TOKEN: 'key' }) {
    let printed = '';
    await runDeadLetterCommand(args, environment, (text) => void (printed += text));
    return printed;
  }

  it('lists, with the way to older ones', async () => {
    const printed = await run(['list', '--url', url, '--limit', '1']);
    expect(asked).toEqual([
      { method: 'GET', path: '/api/v1/dead-letters?limit=1', authorization: 'Bearer key' },
    ]);
    expect(printed).toContain(
      `${letter.id}  ${letter.at}  reports → inventory  agent ${letter.agent}  3 tries`,
    );
    expect(printed).toContain(letter.error);
    expect(printed).toContain(`--after ${letter.id}`);
    expect(JSON.parse(await run(['list', '--url', url, '--json']))).toEqual({
      items: [letter],
      next: letter.id,
    });
    answer.body = JSON.stringify({ items: [], next: null });
    expect(await run(['--url', url])).toBe('There are no dead letters.\n');
  });

  it('shows, replays and deletes one', async () => {
    answer.body = JSON.stringify(letter);
    expect(await run(['show', letter.id, '--url', url])).toMatch(
      /^error +RangeError: Invalid string length$/m,
    );
    answer = { status: 202, body: '' };
    expect(await run(['replay', letter.id, '--url', url])).toBe(`${letter.id} is processed again\n`);
    answer = { status: 204, body: '' };
    expect(await run(['delete', letter.id, '--url', url])).toBe(`${letter.id} is deleted\n`);
    const path = `/api/v1/dead-letters/${letter.id}`;
    expect(asked.map((one) => `${one.method} ${one.path}`)).toEqual([
      `GET ${path}`,
      `POST ${path}/replay`,
      `DELETE ${path}`,
    ]);
  });

  it('takes address and key from the environment and the data directory', async () => {
    const { port } = new URL(url);
    await run(['list'], { MUSTER_HOST: '0.0.0.0', MUSTER_API_PORT: port, MUSTER_DATA_DIR: dataDir });
    expect(asked[0]!.authorization).toBe('Bearer from-the-file');
    await run(['list', '--key', 'given'], { MUSTER_API_PORT: port, MUSTER_DATA_DIR: dataDir });
    expect(asked[1]!.authorization).toBe('Bearer given');
  });

  it.each([
    [['bury'], 'there is no "deadletter bury"'],
    [['show'], 'needs the id'],
    [['list', 'x'], 'one id too many'],
    [['list', '--nonsense'], '--nonsense'],
    [['list', '--url', 'nowhere'], '--url is "nowhere"'],
  ])('says what is wrong with %s', async (args, problem) => {
    await expect(run(args)).rejects.toThrow(problem);
  });

  it('says what the API says, and that it cannot be reached', async () => {
    answer = { status: 404, body: JSON.stringify({ detail: 'no dead letter has the id x', field: 'id' }) };
    await expect(run(['show', 'x', '--url', url])).rejects.toThrow(
      'answers 404: id: no dead letter has the id x',
    );
    answer = { status: 200, body: '<html>' };
    await expect(run(['list', '--url', url])).rejects.toThrow('not the address of a Muster API');
    await expect(run(['list', '--url', 'http://127.0.0.1:1'])).rejects.toThrow(/cannot be reached/);
    await expect(run(['list', '--url', url], { MUSTER_DATA_DIR: '/nowhere' })).rejects.toThrow('--key');
  });
});
