import { createRedisPresence } from '@muster/agents/presence.redis';
import { assertRedisAnswers, redisSettingsFromEnv } from '@muster/agents/redis-client.redis';
import { createRedisOfferCache } from '@muster/configs/offer-cache.redis';
import { connectNats } from '@muster/messages/connection.nats';
import { createNatsEventBus } from '@muster/messages/event-bus.nats';
import { createNatsGatewayDelivery } from '@muster/messages/gateway-delivery.nats';
import { natsSettingsFromEnv } from '@muster/messages/nats-settings';
import { createLog } from '@muster/platform/log';
import { startProbes } from '@muster/platform/probes';
import { assemble, runProcess } from '@muster/platform/process';
import { startTelemetry } from '@muster/platform/telemetry';
import { hostname } from 'node:os';
import { readEnv } from './env.ts';
import { settingsFromEnv } from './gateway-settings.ts';
import { startGateway } from './start.ts';

/**
 * A shared part that is away for less, as NATS is while it elects who keeps a stream, must not take all gateways out
 * at once.
 */
const outageMs = 5_000;

await runProcess(
  () =>
    assemble(async (keep) => {
      const env = readEnv();
      const id =
        env.MUSTER_GATEWAY_ID ?? `${hostname()}-${process.pid}`.replaceAll(/[^A-Za-z0-9_-]/g, '-').slice(-63);
      const log = createLog('gateway', env.MUSTER_LOG_LEVEL, id);
      keep(await startTelemetry('muster-gateway', env.OTEL_EXPORTER_OTLP_ENDPOINT, id));
      const nats = await connectNats(natsSettingsFromEnv(env, 'gateway', log));
      const bus = await createNatsEventBus(nats);
      keep({ stop: () => bus.close() });
      const delivery = createNatsGatewayDelivery(nats);
      const redis = redisSettingsFromEnv(env, log);
      await assertRedisAnswers(redis);
      const presence = createRedisPresence(redis);
      keep({ stop: () => presence.close() });
      const offerCache = createRedisOfferCache(redis);
      keep({ stop: () => offerCache.close() });
      const settings = { ...settingsFromEnv(env, id), drainMs: env.MUSTER_DRAIN_SECONDS * 1_000 };
      keep(await startGateway({ settings, bus, delivery, presence, offerCache, log }));
      keep(
        await startProbes(env.MUSTER_HOST, env.MUSTER_PROBE_PORT, [
          { name: 'bus', check: () => bus.check(), graceMs: outageMs },
          { name: 'presence', check: () => presence.check(), graceMs: outageMs },
        ]),
      );
    }),
  'soon',
);
