import { createRedisPresence } from '@muster/agents/presence.redis';
import { assertRedisAnswers, redisSettingsFromEnv } from '@muster/agents/redis-client.redis';
import { awaitSchema } from '@muster/db/migrate.postgres';
import { connectDatabase, watchDatabase } from '@muster/db/pool.postgres';
import { connectNats } from '@muster/messages/connection.nats';
import { createNatsEventBus } from '@muster/messages/event-bus.nats';
import { natsSettingsFromEnv } from '@muster/messages/nats-settings';
import { createLog } from '@muster/platform/log';
import { startProbes } from '@muster/platform/probes';
import { assemble, runProcess } from '@muster/platform/process';
import { readSettings, serviceSettings } from '@muster/platform/settings';
import { observeNumbers, startTelemetry } from '@muster/platform/telemetry';
import { startInventory } from './start.ts';

await runProcess((signal) =>
  assemble(async (keep) => {
    const env = readSettings(
      [
        ...serviceSettings,
        'MUSTER_HTTP_SILENCE_SECONDS',
        'MUSTER_MAX_AGENTS_PER_TOKEN',
        'MUSTER_FORGET_AGENTS_AFTER_DAYS',
        'MUSTER_KEEP_AUDIT_DAYS',
      ],
      process.env,
    );
    const log = createLog('inventory', env.MUSTER_LOG_LEVEL);
    keep(await startTelemetry('muster-inventory', env.OTEL_EXPORTER_OTLP_ENDPOINT));
    const db = await connectDatabase({ url: env.MUSTER_DATABASE_URL, maxConnections: 8, log });
    keep({ stop: () => db.destroy() });
    const database = keep(watchDatabase(env.MUSTER_DATABASE_URL));
    await awaitSchema(db, { host: env.MUSTER_HOST, port: env.MUSTER_PROBE_PORT, signal, log });
    const nats = await connectNats(natsSettingsFromEnv(env, 'inventory', log));
    const bus = await createNatsEventBus(nats);
    keep({ stop: () => bus.close() });
    const redis = redisSettingsFromEnv(env, log);
    await assertRedisAnswers(redis);
    const presence = createRedisPresence(redis);
    keep({ stop: () => presence.close() });
    const httpSilenceMs = env.MUSTER_HTTP_SILENCE_SECONDS * 1_000;
    observeNumbers('dead_letters', bus.deadLetters.numbers, []);
    const inventory = keep(
      await startInventory({
        db,
        bus,
        presence,
        httpSilenceMs,
        maxAgentsPerToken: env.MUSTER_MAX_AGENTS_PER_TOKEN,
        retention: {
          forgetAgentsAfterDays: env.MUSTER_FORGET_AGENTS_AFTER_DAYS,
          keepAuditDays: env.MUSTER_KEEP_AUDIT_DAYS,
        },
        log,
      }),
    );
    keep(
      await startProbes(env.MUSTER_HOST, env.MUSTER_PROBE_PORT, [
        { name: 'database', check: () => database.check() },
        { name: 'bus', check: () => bus.check() },
        { name: 'presence', check: () => presence.check(), optional: true },
        { name: 'reports', check: () => inventory.reportsTaken() },
      ]),
    );
  }),
);
