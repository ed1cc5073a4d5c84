import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { createMemoryPresence } from '@muster/agents/presence.memory';
import { startApi } from '@muster/app-api/start';
import { startConfigs } from '@muster/app-configs/start';
import { settingsFromEnv } from '@muster/app-gateway/gateway-settings';
import { startGateway } from '@muster/app-gateway/start';
import { startInventory } from '@muster/app-inventory/start';
import { startRollouts } from '@muster/app-rollouts/start';
import { CollectorValidators } from '@muster/configs/collector-validators';
import { createMemoryOfferCache } from '@muster/configs/offer-cache.memory';
import { startEmbeddedPostgres } from '@muster/db/embedded-postgres';
import { migrateToLatest } from '@muster/db/migrate.postgres';
import { openDatabase, watchDatabase } from '@muster/db/pool.postgres';
import { createMemoryEventBus } from '@muster/messages/event-bus.memory';
import { createMemoryGatewayDelivery } from '@muster/messages/gateway-delivery.memory';
import { createLog } from '@muster/platform/log';
import { assemble } from '@muster/platform/process';
import type { Running } from '@muster/platform/running';
import { observeNumbers, startTelemetry } from '@muster/platform/telemetry';
import { createMemoryBatchQueue } from '@muster/rollouts/batch-queue.memory';
import { wireAccess } from '@muster/access/wire';
import { banner } from './banner.ts';
import { claimDataDir } from './data-dir.ts';
import type { AllInOneEnv } from './env.ts';
import { ensureFirstCredentials } from './first-credentials.ts';

const webRoot = fileURLToPath(new URL('../../web/dist', import.meta.url));

/**
 * V8 collects the old heap once it has grown by this many percent. It decides by itself otherwise, and in a
 * rollout to thousands of agents, whose messages come and go, collected a third of the CPU away.
 */
const heapGrowingPercent = 100;

/** Every part in this process, wired to in-process ports and an embedded PostgreSQL. */
export async function startAllInOne(env: AllInOneEnv, print: (text: string) => void): Promise<Running> {
  setFlagsFromString(`--heap-growing-percent=${heapGrowingPercent}`);
  const log = createLog('muster', env.MUSTER_LOG_LEVEL);
  return assemble(async (keep) => {
    const { path: dataDir } = keep(await claimDataDir(env.MUSTER_DATA_DIR));
    keep(await startTelemetry('muster', env.OTEL_EXPORTER_OTLP_ENDPOINT));

    const postgres = keep(await startEmbeddedPostgres({ dataDir, log }));
    const db = openDatabase({ url: postgres.url, maxConnections: 10, log });
    keep({ stop: () => db.destroy() });
    const database = keep(watchDatabase(postgres.url));
    await migrateToLatest(db, log);

    const bus = createMemoryEventBus({ log });
    const delivery = createMemoryGatewayDelivery();
    const presence = createMemoryPresence();
    const offerCache = createMemoryOfferCache();
    const queue = createMemoryBatchQueue({ log, deadLetters: bus.deadLetters });
    keep({ stop: () => bus.close() });
    keep({ stop: () => queue.close() });

    const gatewaySettings = { ...settingsFromEnv(env, 'all-in-one'), sharesProcess: true };
    const { httpSilenceMs } = gatewaySettings;
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
    keep(await startConfigs({ db, bus, presence, offerCache, delivery, log }));
    keep(
      await startRollouts({
        db,
        bus,
        presence,
        offerCache,
        delivery,
        queue,
        keepRolloutsDays: env.MUSTER_KEEP_ROLLOUTS_DAYS,
        log,
      }),
    );
    const gateway = keep(
      await startGateway({
        settings: gatewaySettings,
        bus,
        delivery,
        presence,
        offerCache,
        log,
      }),
    );
    const scheme = env.MUSTER_OPAMP_TLS_CERT_FILE === undefined ? 'ws' : 'wss';
    const opamp = env.MUSTER_OPAMP_PUBLIC_URL ?? `${scheme}://${env.MUSTER_HOST}:${gateway.port}/v1/opamp`;
    const { access } = wireAccess({ db, bus });
    const first = await ensureFirstCredentials(
      access,
      { adminKey: env.MUSTER_ADMIN_TOKEN, enrollmentToken: env.MUSTER_ENROLLMENT_TOKEN },
      dataDir,
      opamp,
    );
    const api = keep(
      await startApi({
        settings: {
          host: env.MUSTER_HOST,
          port: env.MUSTER_API_PORT,
          webRoot,
          maxBodyBytes: env.MUSTER_MAX_BODY_BYTES,
          secureCookies: env.MUSTER_SECURE_COOKIES,
          opamp: {
            publicUrl: env.MUSTER_OPAMP_PUBLIC_URL ?? null,
            port: gateway.port,
            tls: gatewaySettings.tls !== null,
          },
          trustedProxies: env.MUSTER_TRUSTED_PROXIES,
          wrongCredentialsPerMinute: env.MUSTER_WRONG_CREDENTIALS_PER_MINUTE,
        },
        db,
        bus,
        presence,
        offerCache,
        delivery,
        queue,
        checks: [
          { name: 'database', check: () => database.check() },
          { name: 'reports', check: () => inventory.reportsTaken() },
        ],
        log,
        collectors: new CollectorValidators({
          directory: env.MUSTER_COLLECTORS_DIR || null,
          sandboxed: env.MUSTER_COLLECTORS_SANDBOX === 'on',
        }),
      }),
    );
    print(banner({ ui: api.url, opamp: [opamp], dataDir }, first));
  });
}
