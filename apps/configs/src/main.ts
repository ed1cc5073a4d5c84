import { createRedisPresence } from '@muster/agents/presence.redis';
import { assertRedisAnswers } from '@muster/agents/redis-client.redis';
import { createRedisOfferCache } from '@muster/configs/offer-cache.redis';
import { awaitSchema } from '@muster/db/migrate.postgres';
import { openDatabase } from '@muster/db/pool.postgres';
import { connectNats } from '@muster/messages/connection.nats';
import { createNatsEventBus } from '@muster/messages/event-bus.nats';
import { createNatsGatewayDelivery } from '@muster/messages/gateway-delivery.nats';
import { createLog } from '@muster/platform/log';
import { startProbes } from '@muster/platform/probes';
import { assemble, runProcess } from '@muster/platform/process';
import { readSettings, serviceSettings } from '@muster/platform/settings';
import { startTelemetry } from '@muster/platform/telemetry';
import { startConfigs } from './start.ts';

await runProcess((signal) =>
  assemble(async (keep) => {
    const env = readSettings(serviceSettings, process.env);
    const log = createLog('configs', env.MUSTER_LOG_LEVEL);
    keep(await startTelemetry('muster-configs', env.OTEL_EXPORTER_OTLP_ENDPOINT));
    const db = openDatabase({ url: env.MUSTER_DATABASE_URL, maxConnections: 8, log });
    keep({ stop: () => db.destroy() });
    await awaitSchema(db, { host: env.MUSTER_HOST, port: env.MUSTER_PROBE_PORT, signal, log });
    const nats = await connectNats({ url: env.MUSTER_NATS_URL, name: 'configs', log });
    const bus = await createNatsEventBus(nats);
    keep({ stop: () => bus.close() });
    const delivery = createNatsGatewayDelivery(nats);
    await assertRedisAnswers(env.MUSTER_REDIS_URL);
    const presence = createRedisPresence({ url: env.MUSTER_REDIS_URL });
    keep({ stop: () => presence.close() });
    const offerCache = createRedisOfferCache({ url: env.MUSTER_REDIS_URL });
    keep({ stop: () => offerCache.close() });
    keep(await startConfigs({ db, bus, presence, offerCache, delivery, log }));
    keep(
      await startProbes(env.MUSTER_HOST, env.MUSTER_PROBE_PORT, () =>
        bus.available ? null : 'NATS is not connected',
      ),
    );
  }),
);
