import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { readSession, signIn, signOut } from './session-api.ts';

let stored: Map<string, string>;
/** Statuses of the server's answers, in order; 200 names an admin. */
let answers: number[];
let asked: string[];

beforeEach(() => {
  stored = new Map();
  answers = [];
  asked = [];
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
    removeItem: (key: string) => void stored.delete(key),
  });
  vi.stubGlobal('fetch', async (_: string, { method }: RequestInit) => {
    asked.push(method!);
    const status = answers.shift()!;
    return new Response(status === 204 ? null : JSON.stringify({ actor: 'session:admin' }), { status });
  });
});
afterEach(() => vi.unstubAllGlobals());

test('asks for no session in a browser in which nobody signed in', async () => {
  expect(await readSession()).toBeNull();
  expect(asked).toEqual([]);
});

test('finds the session again that was opened, until it is ended', async () => {
  answers = [200, 200, 200, 204];
  await signIn('key');
  expect(await readSession()).toEqual({ actor: 'session:admin' });
  await signOut();
  expect(await readSession()).toBeNull();
  expect(asked).toEqual(['POST', 'GET', 'GET', 'DELETE']);
});

test('asks once for a session that has run out', async () => {
  answers = [200, 200, 401];
  await signIn('key');
  expect([await readSession(), await readSession()]).toEqual([null, null]);
  expect(asked).toEqual(['POST', 'GET', 'GET']);
});

test('finds no session after a key that was refused', async () => {
  answers = [401];
  await expect(signIn('wrong')).rejects.toThrow('not known');
  expect(await readSession()).toBeNull();
  expect(asked).toEqual(['POST']);
});
