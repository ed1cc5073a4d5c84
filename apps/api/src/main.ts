import { wireAccess } from '@muster/access/wire';
import { createRedisPresence } from '@muster/agents/presence.redis';
import { assertRedisAnswers, redisSettingsFromEnv } from '@muster/agents/redis-client.redis';
import { CollectorValidators } from '@muster/configs/collector-validators';
import { createRedisOfferCache } from '@muster/configs/offer-cache.redis';
import { awaitSchema } from '@muster/db/migrate.postgres';
import { connectDatabase, watchDatabase } from '@muster/db/pool.postgres';
import { connectNats } from '@muster/messages/connection.nats';
import { createNatsEventBus } from '@muster/messages/event-bus.nats';
import { createNatsGatewayDelivery } from '@muster/messages/gateway-delivery.nats';
import { natsSettingsFromEnv } from '@muster/messages/nats-settings';
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
    const db = await connectDatabase({
      url: env.MUSTER_DATABASE_URL,
      maxConnections: 16,
      silenceMs: 30_000,
      log,
    });
    keep({ stop: () => db.destroy() });
    const database = keep(watchDatabase(env.MUSTER_DATABASE_URL));
    await awaitSchema(db, { host: env.MUSTER_HOST, port: env.MUSTER_API_PORT, signal, log });
    const nats = await connectNats(natsSettingsFromEnv(env, 'api', log));
    const bus = await createNatsEventBus(nats);
    keep({ stop: () => bus.close() });
    const delivery = createNatsGatewayDelivery(nats);
    const redis = redisSettingsFromEnv(env, log);
    await assertRedisAnswers(redis);
    const presence = createRedisPresence(redis);
    keep({ stop: () => presence.close() });
    const offerCache = createRedisOfferCache(redis);
    keep({ stop: () => offerCache.close() });
    const queue = createBullBatchQueue(redis);
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
      opamp: {
        publicUrl: env.MUSTER_OPAMP_PUBLIC_URL ?? null,
        port: env.MUSTER_OPAMP_PORT,
        tls: env.MUSTER_OPAMP_TLS_CERT_FILE !== undefined,
      },
      trustedProxies: env.MUSTER_TRUSTED_PROXIES,
      wrongCredentialsPerMinute: env.MUSTER_WRONG_CREDENTIALS_PER_MINUTE,
    };
    const collectors = new CollectorValidators({
      directory: env.MUSTER_COLLECTORS_DIR || null,
      sandboxed: env.MUSTER_COLLECTORS_SANDBOX === 'on',
    });
    const checks = [
      { name: 'database', check: () => database.check() },
      { name: 'bus', check: () => bus.check(), optional: true },
      { name: 'presence', check: () => presence.check(), optional: true },
    ];
    keep(
      await startApi({ settings, db, bus, presence, offerCache, delivery, queue, checks, log, collectors }),
    );
  }),
);
