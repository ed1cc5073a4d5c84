import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { startProbes } from './probes.ts';
import { Readiness, type Check } from './readiness.ts';

const good: Check = { name: 'database', check: async () => null };
const bad: Check = { name: 'bus', check: async () => 'NATS is not connected' };
const never = () => new Promise<null>(() => {});

it('is ready when nothing fails', async () => {
  expect(await new Readiness([good]).look()).toEqual({
    status: 'ready',
    missing: [],
    degraded: [],
    checks: { database: { state: 'ok' } },
  });
});

it('names what fails, also where it is done without', async () => {
  const checks = { database: { state: 'ok' }, bus: { state: 'failed', reason: 'NATS is not connected' } };
  const needed = await new Readiness([good, bad]).look();
  expect(needed).toEqual({ status: 'not ready', missing: ['bus'], degraded: [], checks });
  const optional = await new Readiness([good, { ...bad, optional: true }]).look();
  expect(optional).toEqual({ status: 'ready', missing: [], degraded: ['bus'], checks });
});

it('says why a check rejects', async () => {
  const rejecting = { name: 'database', check: () => Promise.reject(new Error('no route')) };
  expect((await new Readiness([rejecting]).look()).checks).toEqual({
    database: { state: 'failed', reason: 'no route' },
  });
});

it('waits no longer than the bound for what hangs, and then not at all', async () => {
  const readiness = new Readiness([good, { name: 'bus', check: never }], { boundMs: 200, cacheMs: 10 });
  const since = performance.now();
  expect(await readiness.look()).toMatchObject({
    missing: ['bus'],
    checks: { bus: { reason: 'no answer within 0.2 s' } },
  });
  expect(performance.now() - since).toBeLessThan(1_500);
  const again = performance.now();
  expect((await readiness.look()).missing).toEqual(['bus']);
  expect(performance.now() - again).toBeLessThan(150);
});

it('asks what hangs anew in the end', async () => {
  let asked = 0;
  const check = () => (asked++ === 0 ? never() : Promise.resolve(null));
  const readiness = new Readiness([{ name: 'bus', check }], { boundMs: 20, cacheMs: 10, abandonMs: 60 });
  expect((await readiness.look()).status).toBe('not ready');
  await expect.poll(() => readiness.look(), { interval: 20 }).toMatchObject({ status: 'ready' });
  expect(asked).toBeGreaterThan(1);
});

it('counts an answer that is late as none, and recovers', async () => {
  let tookMs = 150;
  const readiness = new Readiness([{ name: 'database', check: () => delay(tookMs, null) }], {
    boundMs: 50,
    cacheMs: 10,
  });
  expect((await readiness.look()).status).toBe('not ready');
  await delay(200);
  expect((await readiness.look()).checks['database']?.reason).toMatch(/^an answer took 0\.\d s$/);
  tookMs = 0;
  await expect.poll(() => readiness.look(), { interval: 20 }).toMatchObject({ status: 'ready' });
});

it('runs a check once for all that ask at once, and not again for a while', async () => {
  let asked = 0;
  const check = async () => {
    asked += 1;
    await delay(20);
    return null;
  };
  const readiness = new Readiness([{ name: 'database', check }], { cacheMs: 10_000 });
  await Promise.all(Array.from({ length: 50 }, () => readiness.look()));
  await readiness.look();
  expect(asked).toBe(1);
});

it('lets a problem last before it counts', async () => {
  const readiness = new Readiness([{ ...bad, graceMs: 100 }], { cacheMs: 1 });
  expect(await readiness.look()).toMatchObject({ status: 'ready', degraded: ['bus'] });
  await delay(150);
  expect(await readiness.look()).toMatchObject({ status: 'not ready', missing: ['bus'] });
});

it('is served, and liveness depends on nothing', async () => {
  const probes = await startProbes('127.0.0.1', 0, [bad]);
  const ask = (path: string) => fetch(`http://127.0.0.1:${probes.port}${path}`);
  const ready = await ask('/readyz');
  expect(ready.status).toBe(503);
  expect(await ready.json()).toMatchObject({ status: 'not ready', missing: ['bus'] });
  expect((await ask('/healthz')).status).toBe(200);
  expect((await ask('/elsewhere')).status).toBe(404);
  await probes.stop();
});
