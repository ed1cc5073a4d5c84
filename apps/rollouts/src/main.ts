import { createRedisPresence } from '@muster/agents/presence.redis';
import { assertRedisAnswers, redisSettingsFromEnv } from '@muster/agents/redis-client.redis';
import { createRedisOfferCache } from '@muster/configs/offer-cache.redis';
import { awaitSchema } from '@muster/db/migrate.postgres';
import { connectDatabase, watchDatabase } from '@muster/db/pool.postgres';
import { connectNats } from '@muster/messages/connection.nats';
import { createNatsEventBus } from '@muster/messages/event-bus.nats';
import { createNatsGatewayDelivery } from '@muster/messages/gateway-delivery.nats';
import { natsSettingsFromEnv } from '@muster/messages/nats-settings';
import { createLog } from '@muster/platform/log';
import { startProbes } from '@muster/platform/probes';
import { assemble, runProcess } from '@muster/platform/process';
import { readSettings, serviceSettings } from '@muster/platform/settings';
import { observeNumbers, startTelemetry } from '@muster/platform/telemetry';
import { createBullBatchQueue } from '@muster/rollouts/batch-queue.bullmq';
import { startRollouts } from './start.ts';

await runProcess((signal) =>
  assemble(async (keep) => {
    const env = readSettings([...serviceSettings, 'MUSTER_KEEP_ROLLOUTS_DAYS'], process.env);
    const log = createLog('rollouts', env.MUSTER_LOG_LEVEL);
    keep(await startTelemetry('muster-rollouts', env.OTEL_EXPORTER_OTLP_ENDPOINT));
    const db = await connectDatabase({ url: env.MUSTER_DATABASE_URL, maxConnections: 8, log });
    keep({ stop: () => db.destroy() });
    const database = keep(watchDatabase(env.MUSTER_DATABASE_URL));
    await awaitSchema(db, { host: env.MUSTER_HOST, port: env.MUSTER_PROBE_PORT, signal, log });
    const nats = await connectNats(natsSettingsFromEnv(env, 'rollouts', log));
    const bus = await createNatsEventBus(nats);
    keep({ stop: () => bus.close() });
    observeNumbers('dead_letters', bus.deadLetters.numbers, []);
    const delivery = createNatsGatewayDelivery(nats);
    const redis = redisSettingsFromEnv(env, log);
    await assertRedisAnswers(redis);
    const presence = createRedisPresence(redis);
    keep({ stop: () => presence.close() });
    const offerCache = createRedisOfferCache(redis);
    keep({ stop: () => offerCache.close() });
    const queue = createBullBatchQueue({ ...redis, log, deadLetters: bus.deadLetters });
    keep({ stop: () => queue.close() });
    const keepRolloutsDays = env.MUSTER_KEEP_ROLLOUTS_DAYS;
    keep(await startRollouts({ db, bus, presence, offerCache, delivery, queue, keepRolloutsDays, log }));
    keep(
      await startProbes(env.MUSTER_HOST, env.MUSTER_PROBE_PORT, [
        { name: 'database', check: () => database.check() },
        { name: 'bus', check: () => bus.check() },
        { name: 'presence', check: () => presence.check() },
      ]),
    );
  }),
);
