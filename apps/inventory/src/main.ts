import { createRedisPresence } from '@muster/agents/presence.redis';
import { assertRedisAnswers } from '@muster/agents/redis-client.redis';
import { migrateToLatest } from '@muster/db/migrate.postgres';
import { openDatabase } from '@muster/db/pool.postgres';
import { connectNats } from '@muster/messages/connection.nats';
import { createNatsEventBus } from '@muster/messages/event-bus.nats';
import { createLog } from '@muster/platform/log';
import { startProbes } from '@muster/platform/probes';
import { assemble, runProcess } from '@muster/platform/process';
import { readSettings, serviceSettings } from '@muster/platform/settings';
import { startTelemetry } from '@muster/platform/telemetry';
import { startInventory } from './start.ts';

await runProcess(() =>
  assemble(async (keep) => {
    const env = readSettings(
      [...serviceSettings, 'MUSTER_HTTP_SILENCE_SECONDS', 'MUSTER_MAX_AGENTS_PER_TOKEN'],
      process.env,
    );
    const log = createLog('inventory', env.MUSTER_LOG_LEVEL);
    keep(await startTelemetry('muster-inventory', env.OTEL_EXPORTER_OTLP_ENDPOINT));
    const db = openDatabase({ url: env.MUSTER_DATABASE_URL, maxConnections: 8, log });
    keep({ stop: () => db.destroy() });
    await migrateToLatest(db, log);
    const nats = await connectNats({ url: env.MUSTER_NATS_URL, name: 'inventory', log });
    const bus = await createNatsEventBus(nats);
    keep({ stop: () => bus.close() });
    await assertRedisAnswers(env.MUSTER_REDIS_URL);
    const presence = createRedisPresence({ url: env.MUSTER_REDIS_URL });
    keep({ stop: () => presence.close() });
    const httpSilenceMs = env.MUSTER_HTTP_SILENCE_SECONDS * 1_000;
    keep(
      await startInventory({
        db,
        bus,
        presence,
        httpSilenceMs,
        maxAgentsPerToken: env.MUSTER_MAX_AGENTS_PER_TOKEN,
        log,
      }),
    );
    keep(
      await startProbes(env.MUSTER_HOST, env.MUSTER_PROBE_PORT, () =>
        bus.available ? null : 'NATS is not connected',
      ),
    );
  }),
);
