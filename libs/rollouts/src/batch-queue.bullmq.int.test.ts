import { randomUUID } from 'node:crypto';
import { MemoryDeadLetters } from '@muster/messages/dead-letters.memory';
import { startLocalRedis } from '@muster/platform/local-services';
import { useTestService } from '@muster/platform/test-service.setup';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createBullBatchQueue } from './batch-queue.bullmq.ts';
import { batchQueueContract } from './batch-queue.contract.ts';
import type { BatchQueue } from './batch-queue.ts';

const server = useTestService(startLocalRedis);
let redis: Redis;

beforeAll(async () => {
  redis = new Redis(server.url, { maxRetriesPerRequest: null });
  redis.on('error', () => {});
});
afterAll(async () => {
  redis.disconnect();
});

let deadLetters = new MemoryDeadLetters();
const openQueue = () =>
  createBullBatchQueue({
    url: server.url,
    retryPauseMs: 50,
    takeOverMs: 2_000,
    patienceMs: 500,
    deadLetters,
  });

batchQueueContract(async () => {
  await redis.flushall();
  const queues: BatchQueue[] = [];
  deadLetters = new MemoryDeadLetters();
  return {
    deadLetters,
    join: async () => {
      const queue = openQueue();
      queues.push(queue);
      return queue;
    },
    close: async () => {
      await Promise.all(queues.map((queue) => queue.close()));
    },
  };
});

const soon = { timeout: 15_000, interval: 20 };
const recordCalls = async (queue: BatchQueue) => {
  const calls: string[] = [];
  await queue.work(async (rolloutId) => void calls.push(rolloutId));
  return calls;
};

it('calls again when a process died in a call', async () => {
  await redis.flushall();
  const queue = openQueue();
  const rollout = randomUUID();
  await queue.schedule(rollout, Date.now());
  const settings = { connection: redis, prefix: 'muster', lockDuration: 500, skipLockRenewal: true };
  const began = Promise.withResolvers<void>();
  const dying = new Worker(
    'rollouts',
    async () => {
      await redis.hdel('muster:rollouts:pending', rollout);
      began.resolve();
      await new Promise(() => {});
    },
    { ...settings, skipStalledCheck: true },
  );
  await began.promise;
  await dying.close(true);
  const calls = await recordCalls(queue);
  await expect.poll(() => calls, soon).toEqual([rollout]);
  await queue.close();
});

it('lets a rollout rest that processes die in, until a person says otherwise', async () => {
  await redis.flushall();
  deadLetters = new MemoryDeadLetters();
  const queue = openQueue();
  const rollout = randomUUID();
  // What three processes leave behind that died in it.
  await redis.hset('muster:rollouts:begun', rollout, 3);
  const calls = await recordCalls(queue);
  await queue.schedule(rollout, Date.now());
  await expect.poll(() => deadLetters.count(), soon).toBe(1);
  await queue.schedule(rollout, Date.now());
  await expect.poll(() => redis.hget('muster:rollouts:pending', rollout), soon).toBeNull();
  await expect.poll(() => redis.hget('muster:rollouts:begun', rollout), soon).toBe('5');
  expect(calls).toEqual([]);
  const [letter] = (await deadLetters.page({ limit: 1 })).items;
  await deadLetters.remove(letter!.id);
  await queue.schedule(rollout, Date.now());
  await expect.poll(() => calls, soon).toEqual([rollout]);
  await queue.close();
});

it('is not held up by a call that was lost', async () => {
  await redis.flushall();
  const queue = openQueue();
  const rollout = randomUUID();
  await redis.hset('muster:rollouts:pending', rollout, Date.now() - 3_000);
  await queue.schedule(rollout, Date.now());
  const calls = await recordCalls(queue);
  await expect.poll(() => calls, soon).toEqual([rollout]);
  await queue.close();
});

it('leaves nothing of a rollout behind', async () => {
  await redis.flushall();
  const queue = openQueue();
  const rollout = randomUUID();
  await queue.schedule(rollout, Date.now() + 100);
  await queue.schedule(rollout, Date.now());
  const calls = await recordCalls(queue);
  await expect.poll(() => calls, soon).toEqual([rollout]);
  await expect
    .poll(async () => (await redis.keys('*')).filter((key) => key.includes(rollout)), soon)
    .toEqual([]);
  await expect.poll(() => redis.exists('muster:rollouts:delayed', 'muster:rollouts:active'), soon).toBe(0);
  expect(await redis.keys('muster:rollouts:[0-9]*')).toEqual([]);
  await queue.close();
});

it('rejects within seconds while Redis is away, and goes on afterwards', async () => {
  const queue = openQueue();
  const calls = await recordCalls(queue);
  await server.stop();
  await expect(queue.schedule(randomUUID(), Date.now())).rejects.toThrow();
  await server.startAgain();
  const rollout = randomUUID();
  await expect.poll(() => queue.schedule(rollout, Date.now()).catch(() => 'away'), soon).toBeUndefined();
  await expect.poll(() => calls, soon).toContain(rollout);
  await queue.close();
});
