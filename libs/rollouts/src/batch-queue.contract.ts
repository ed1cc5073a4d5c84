import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeadLetters } from '@muster/messages/dead-letters';
import type { BatchQueue } from './batch-queue.ts';

/** A clock with nothing due. `join` is another process's view of it, or the same where there is only one process. */
export interface BatchQueueFixture {
  join(): Promise<BatchQueue>;
  /** Those that the queues tell of. */
  deadLetters: DeadLetters;
  close(): Promise<void>;
}

/** What every BatchQueue promises. Adapters are to pause 50 ms after the first failure, and to wait half a second for a step. */
export function batchQueueContract(open: () => Promise<BatchQueueFixture>): void {
  describe('BatchQueue', () => {
    let fixture: BatchQueueFixture;
    let queue: BatchQueue;

    beforeEach(async () => {
      fixture = await open();
      queue = await fixture.join();
    });
    afterEach(() => fixture.close());

    const soon = { timeout: 10_000, interval: 10 };
    /** Records each call with how late it was after the start of the test. */
    const record = async () => {
      const start = Date.now();
      const calls: { rolloutId: string; after: number }[] = [];
      await queue.work(async (rolloutId) => void calls.push({ rolloutId, after: Date.now() - start }));
      return { start, calls };
    };

    it('calls when the time has come, not before', async () => {
      const { start, calls } = await record();
      const [past, later] = [randomUUID(), randomUUID()];
      await queue.schedule(later, start + 400);
      await queue.schedule(past, start - 10_000);
      await expect.poll(() => calls.map(({ rolloutId }) => rolloutId), soon).toEqual([past, later]);
      expect(calls[0]!.after).toBeLessThan(390);
      expect(calls[1]!.after).toBeGreaterThanOrEqual(390);
    });

    it('keeps what is due until somebody works', async () => {
      const rollout = randomUUID();
      await queue.schedule(rollout, Date.now());
      await delay(50);
      const { calls } = await record();
      await expect.poll(() => calls.map(({ rolloutId }) => rolloutId), soon).toEqual([rollout]);
    });

    it('replaces a later call by an earlier one', async () => {
      const { start, calls } = await record();
      const rollout = randomUUID();
      await queue.schedule(rollout, start + 700);
      await queue.schedule(rollout, start + 100);
      await delay(1_000);
      expect(calls).toHaveLength(1);
      expect(calls[0]!.after).toBeLessThan(600);
    });

    it('ignores a later call while an earlier one is pending', async () => {
      const { start, calls } = await record();
      const rollout = randomUUID();
      await queue.schedule(rollout, start + 100);
      await queue.schedule(rollout, start + 300);
      await delay(700);
      expect(calls).toHaveLength(1);
    });

    it('takes a call for a rollout that is being handled, after that', async () => {
      const rollout = randomUUID();
      const log: string[] = [];
      await queue.work(async () => {
        const number = log.length / 2;
        log.push(`start ${number}`);
        if (number === 0) await queue.schedule(rollout, Date.now());
        await delay(100);
        log.push(`end ${number}`);
      });
      await queue.schedule(rollout, Date.now());
      await expect.poll(() => log, soon).toEqual(['start 0', 'end 0', 'start 1', 'end 1']);
    });

    it('tries again after a growing pause when a call failed', async () => {
      const rollout = randomUUID();
      const times: number[] = [];
      await queue.work(async () => {
        times.push(Date.now());
        if (times.length < 4) throw new Error('not now');
      });
      await queue.schedule(rollout, Date.now());
      await expect.poll(() => times.length, soon).toBe(4);
      const pauses = times.slice(1).map((time, index) => time - times[index]!);
      expect(pauses[0]).toBeGreaterThanOrEqual(45);
      expect(pauses[2]).toBeGreaterThanOrEqual(180);
      await delay(600);
      expect(times).toHaveLength(4);
    });

    it('tells of a step that always fails, once, holds no other up, and takes it back when it succeeds', async () => {
      const { deadLetters } = fixture;
      const [broken, healthy] = [randomUUID(), randomUUID()];
      const calls: string[] = [];
      let mended = false;
      await queue.work(async (rolloutId) => {
        calls.push(rolloutId);
        if (rolloutId === broken && !mended) throw new Error('a row that no step can take: pwd=hunter2');
      });
      await queue.schedule(broken, Date.now());
      await expect
        .poll(async () => (await deadLetters.page({ limit: 9 })).items, soon)
        .toMatchObject([{ subject: 'rollouts.advance', group: 'rollouts', tries: 5, agent: null }]);
      const [letter] = (await deadLetters.page({ limit: 9 })).items;
      expect(letter!.error).not.toContain('hunter2');
      expect(Buffer.from((await deadLetters.payloadOf(letter!.id))!).toString()).toBe(broken);
      const tried = calls.length;
      await delay(300);
      expect(calls).toHaveLength(tried);
      await queue.schedule(healthy, Date.now());
      await expect.poll(() => calls, soon).toContain(healthy);
      await queue.schedule(broken, Date.now());
      await expect.poll(() => calls.length, soon).toBeGreaterThan(tried + 1);
      await delay(1_500);
      expect(await deadLetters.count()).toBe(1);
      mended = true;
      await queue.schedule(broken, Date.now());
      await expect.poll(() => deadLetters.count(), soon).toBe(0);
    });

    it('tells of nothing while something is away', async () => {
      const times: number[] = [];
      await queue.work(async () => {
        times.push(Date.now());
        if (times.length < 7) throw Object.assign(new Error('away'), { code: '57P01' });
      });
      await queue.schedule(randomUUID(), Date.now());
      await expect.poll(() => times.length, soon).toBe(7);
      expect(await fixture.deadLetters.count()).toBe(0);
    });

    it('is not held up by steps that do not end', async () => {
      const hanging = new Set(Array.from({ length: 12 }, () => randomUUID() as string));
      const calls: string[] = [];
      await queue.work(async (rolloutId) => {
        if (hanging.has(rolloutId)) await new Promise(() => {});
        calls.push(rolloutId);
      });
      const healthy = randomUUID();
      for (const rollout of [...hanging, healthy]) await queue.schedule(rollout, Date.now());
      await expect.poll(() => calls, soon).toContain(healthy);
    });

    it('calls once for each rollout at a time, over all workers, and for several rollouts side by side', async () => {
      const other = await fixture.join();
      const rollouts = [randomUUID(), randomUUID()] as const;
      const running = new Map<string, number>();
      let [most, mostOfOne, calls] = [0, 0, 0];
      const handle = async (rolloutId: string) => {
        calls += 1;
        running.set(rolloutId, (running.get(rolloutId) ?? 0) + 1);
        mostOfOne = Math.max(mostOfOne, running.get(rolloutId)!);
        most = Math.max(
          most,
          [...running.values()].reduce((sum, count) => sum + count, 0),
        );
        await delay(50);
        running.set(rolloutId, running.get(rolloutId)! - 1);
      };
      await queue.work(handle);
      if (other !== queue) await other.work(handle);
      for (let round = 0; round < 20; round += 1) {
        for (const rollout of rollouts) await (round % 2 ? queue : other).schedule(rollout, Date.now());
        await delay(20);
      }
      await expect
        .poll(() => [...running.values()].every((count) => count === 0) && calls >= 8, soon)
        .toBe(true);
      expect(mostOfOne).toBe(1);
      expect(most).toBe(2);
    });

    it('closes after the running call has ended', async () => {
      const log: string[] = [];
      const closing = await fixture.join();
      await closing.work(async () => {
        log.push('started');
        await delay(100);
        log.push('ended');
      });
      await closing.schedule(randomUUID(), Date.now());
      await expect.poll(() => log, soon).toEqual(['started']);
      await closing.close();
      expect(log).toEqual(['started', 'ended']);
    });
  });
}
