import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { startLocalRedis } from '@muster/platform/local-services';
import { useTestService } from '@muster/platform/test-service.setup';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AgentId } from './agent-id.ts';
import { presenceContract } from './presence.contract.ts';
import { createRedisPresence } from './presence.redis.ts';
import { RedisUnavailable, assertRedisAnswers } from './redis-client.redis.ts';

const server = useTestService(startLocalRedis);
let redis: Redis;

beforeAll(async () => {
  redis = new Redis(server.url);
  redis.on('error', () => {});
});
afterAll(async () => {
  redis.disconnect();
});

presenceContract(async () => {
  await redis.flushall();
  const presence = createRedisPresence({ url: server.url });
  return { presence, passTime: (ms) => delay(ms), close: () => presence.close() };
});

const agents = (count: number) => Array.from({ length: count }, () => randomUUID() as AgentId);

it('costs few round trips and little memory for an agent', async () => {
  await redis.flushall();
  const presence = createRedisPresence({ url: server.url });
  const claims = agents(20_000).map((agent) => ({ agent, now: 1_790_000_000_000 }));
  await presence.claim('gateway-a', claims.slice(0, 1));
  const memory = async () => Number(/used_memory_dataset:(\d+)/.exec(await redis.info('memory'))?.[1]);
  const [calls, bytes] = [await scriptCalls(), await memory()];
  await presence.claim('gateway-a', claims);
  expect((await scriptCalls()) - calls).toBe(40);
  expect(((await memory()) - bytes) / claims.length).toBeLessThan(300);
  await presence.close();
});

async function scriptCalls(): Promise<number> {
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0);
}

it('rejects within seconds while Redis is away, and comes back by itself', async () => {
  const presence = createRedisPresence({ url: server.url });
  await presence.renewLease('gateway-a', 60_000);
  await server.stop();
  const asked = Date.now();
  await expect(presence.locate(agents(1))).rejects.toThrow();
  expect(Date.now() - asked).toBeLessThan(6_000);
  await server.startAgain();
  await expect.poll(() => presence.isSeeded().catch(() => null), { timeout: 10_000 }).not.toBeNull();
  await presence.close();
});

it('is rebuilt after a wipe', async () => {
  const presence = createRedisPresence({ url: server.url });
  await presence.seed([]);
  await redis.flushall();
  expect(await presence.isSeeded()).toBe(false);
  await presence.close();
});

it('says in one line, without a secret, that Redis cannot be reached', async () => {
  await assertRedisAnswers({ url: server.url });
  const failed = assertRedisAnswers({ url: 'redis://muster:s3cret@127.0.0.1:1' });
  await expect(failed).rejects.toThrow(RedisUnavailable);
  await expect(failed).rejects.toThrow(
    /^Redis at 127\.0\.0\.1:1 \(MUSTER_REDIS_URL\) cannot be reached: \S[^\n]*ECONNREFUSED[^\n]*$/,
  );
  await expect(assertRedisAnswers({ url: 'nonsense' })).rejects.toThrow('MUSTER_REDIS_URL is not a URL');
});
