import { startLocalRedis } from '@muster/platform/local-services';
import { useTestService } from '@muster/platform/test-service.setup';
import { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { offerCacheContract } from './offer-cache.contract.ts';
import { createRedisOfferCache } from './offer-cache.redis.ts';

const server = useTestService(startLocalRedis);
let redis: Redis;

beforeAll(async () => {
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
});

offerCacheContract(async () => {
  await redis.flushall();
  return createRedisOfferCache({ url: server.url });
});
