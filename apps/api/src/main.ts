import { wireAccess } from '@muster/access/wire';
import { createRedisPresence } from '@muster/agents/presence.redis';
import { assertRedisAnswers } from '@muster/agents/redis-client.redis';
import { CollectorValidators } from '@muster/configs/collector-validators';
import { createRedisOfferCache } from '@muster/configs/offer-cache.redis';
import { awaitSchema } from '@muster/db/migrate.postgres';
import { openDatabase } from '@muster/db/pool.postgres';
import { connectNats } from '@muster/messages/connection.nats';
import { createNatsEventBus } from '@muster/messages/event-bus.nats';
import { createNatsGatewayDelivery } from '@muster/messages/gateway-delivery.nats';
import { createLog } from '@muster/platform/log';
import { assemble, runProcess } from '@muster/platform/process';
import { startTelemetry } from '@muster/platform/telemetry';
import { createBullBatchQueue } from '@muster/rollouts/batch-queue.bullmq';
import { fileURLToPath } from 'node:url';
import { readEnv } from './env.ts';
import { startApi } from './start.ts';

await runProcess((signal) =>
  assemble(async (keep) => {
    const env = readEnv();
    const log = createLog('api', env.MUSTER_LOG_LEVEL);
    keep(await startTelemetry('muster-api', env.OTEL_EXPORTER_OTLP_ENDPOINT));
    const db = openDatabase({ url: env.MUSTER_DATABASE_URL, maxConnections: 16, log });
    keep({ stop: () => db.destroy() });
    await awaitSchema(db, { host: env.MUSTER_HOST, port: env.MUSTER_API_PORT, signal, log });
    const nats = await connectNats({ url: env.MUSTER_NATS_URL, name: 'api', log });
    const bus = await createNatsEventBus(nats);
    keep({ stop: () => bus.close() });
    const delivery = createNatsGatewayDelivery(nats);
    await assertRedisAnswers(env.MUSTER_REDIS_URL);
    const presence = createRedisPresence({ url: env.MUSTER_REDIS_URL });
    keep({ stop: () => presence.close() });
    const offerCache = createRedisOfferCache({ url: env.MUSTER_REDIS_URL });
    keep({ stop: () => offerCache.close() });
    const queue = createBullBatchQueue({ url: env.MUSTER_REDIS_URL, log });
    keep({ stop: () => queue.close() });
    const { access } = wireAccess({ db, bus });
    if (env.MUSTER_ADMIN_TOKEN !== undefined) await access.ensureAdminKey(env.MUSTER_ADMIN_TOKEN);
    if (env.MUSTER_ENROLLMENT_TOKEN !== undefined)
      await access.ensureEnrollmentToken(env.MUSTER_ENROLLMENT_TOKEN);
    const settings = {
      host: env.MUSTER_HOST,
      port: env.MUSTER_API_PORT,
      webRoot: fileURLToPath(new URL('../../web/dist', import.meta.url)),
      maxBodyBytes: env.MUSTER_MAX_BODY_BYTES,
      secureCookies: env.MUSTER_SECURE_COOKIES,
    };
    const collectors = new CollectorValidators({
      directory: env.MUSTER_COLLECTORS_DIR || null,
      sandboxed: env.MUSTER_COLLECTORS_SANDBOX === 'on',
    });
    keep(await startApi({ settings, db, bus, presence, offerCache, delivery, queue, log, collectors }));
  }),
);
