import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BatchQueue } from './batch-queue.ts';

/** A clock with nothing due. `join` is another process's view of it, or the same where there is only one process. */
export interface BatchQueueFixture {
  join(): Promise<BatchQueue>;
  close(): Promise<void>;
}

/** What every BatchQueue promises. Adapters are to pause 50 ms after the first failure. */
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
