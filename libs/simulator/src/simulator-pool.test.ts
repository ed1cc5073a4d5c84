import { afterEach, beforeEach, expect, test } from 'vitest';
import { ScriptedServer } from './scripted-server.setup.ts';
import { SimulatorPool, SimulatorProcessLost } from './simulator-pool.ts';

let server: ScriptedServer;
let pool: SimulatorPool | null = null;

beforeEach(async () => {
  server = await ScriptedServer.start();
});
afterEach(async () => {
  await pool?.stop(false);
  await server.stop();
});

test('is one fleet in several processes', { timeout: 30_000 }, async () => {
  pool = new SimulatorPool({ urls: [server.url('ws')], agents: 7, heartbeatSeconds: 0.1 }, 2);
  await pool.start();

  expect(pool.pids).toHaveLength(2);
  expect(new Set(server.heard.map(({ uid }) => uid)).size).toBe(7);
  await expect
    .poll(async () => (await pool!.stats()).heartbeatsAnswered, { timeout: 10_000 })
    .toBeGreaterThan(7);
  const states = await pool.states();
  expect(states).toHaveLength(7);
  expect((await pool.stateOf(5)).uid).toBe(states[5]!.uid);
  expect(await pool.changeState()).toBe(7);
  await pool.cutAll();
  await pool.untilOnline(7, 10_000);

  await pool.stop();
  const goodbyes = server.heard.filter(({ message }) => message.agentDisconnect !== null);
  expect(new Set(goodbyes.map(({ uid }) => uid)).size).toBe(7);
});

test('says what is wrong with its options, and when a process is lost', { timeout: 30_000 }, async () => {
  const bad = new SimulatorPool({ urls: ['ftp://somewhere'], agents: 1 });
  await expect(bad.start()).rejects.toThrow('ftp://somewhere is not a ws, wss, http or https URL');
  await bad.stop();

  pool = new SimulatorPool({ urls: [server.url('ws')], agents: 1 });
  await pool.start();
  process.kill(pool.pids[0]!, 'SIGKILL');
  await expect
    .poll(
      () =>
        pool!.stats().then(
          () => null,
          (error: unknown) => error,
        ),
      { timeout: 10_000 },
    )
    .toBeInstanceOf(SimulatorProcessLost);
});
