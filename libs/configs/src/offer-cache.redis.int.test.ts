import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalRedis, type LocalService } from '@muster/platform/local-services';
import { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { offerCacheContract } from './offer-cache.contract.ts';
import { createRedisOfferCache } from './offer-cache.redis.ts';

let dataDir: string;
let server: LocalService;
let redis: Redis;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'muster-redis-'));
  server = await startLocalRedis({ dataDir });
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
});

offerCacheContract(async () => {
  await redis.flushall();
  return createRedisOfferCache({ url: server.url });
});
