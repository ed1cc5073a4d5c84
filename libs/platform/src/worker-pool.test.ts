import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect, it } from 'vitest';
import type { WorkTooLarge } from './worker-pool.ts';
import { WorkerPool } from './worker-pool.ts';
import type * as stubborn from './stubborn.worker.ts';

const pool = (budget: { ms?: number; MiB?: number } = {}) =>
  new WorkerPool<typeof stubborn>('stubborn', import.meta.url, budget);

it('answers what a task returns and throws', async () => {
  const tasks = pool();
  expect(await tasks.run('double', 21)).toBe(42);
  await expect(tasks.run('fail', 'no')).rejects.toThrow('no');
});

it('ends a task that takes too long, and the others go on', { timeout: 60_000 }, async () => {
  const tasks = pool({ ms: 2_000 });
  const others = Array.from({ length: 6 }, (_, index) => tasks.run('double', index));
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const refused = await Promise.allSettled([tasks.run('spin', 60_000), tasks.run('spin', 60_000)]);
  delay.disable();
  expect(
    refused.map((one) => (one.status === 'rejected' ? (one.reason as WorkTooLarge).limit : one.value)),
  ).toEqual(['time', 'time']);
  expect(await Promise.all(others)).toEqual([0, 2, 4, 6, 8, 10]);
  expect(await tasks.run('double', 4)).toBe(8);
  expect(delay.max / 1e6).toBeLessThan(250);
});

it('does not count the time that a task waits for its turn', { timeout: 60_000 }, async () => {
  const tasks = pool({ ms: 4_000 });
  const all = Array.from({ length: 12 }, () => tasks.run('spin', 500));
  expect(await Promise.all(all)).toHaveLength(12);
});

it('ends a task that takes too much memory', { timeout: 60_000 }, async () => {
  const tasks = pool({ MiB: 64 });
  await expect(tasks.run('fill', 4_000)).rejects.toMatchObject({ code: 'work-too-large', limit: 'memory' });
  expect(await tasks.run('double', 4)).toBe(8);
});
