import type { natsSettings, Settings } from '@muster/platform/settings';
import type { BusLog } from './bus-log.ts';
import { defaultStreamSettings } from './stream-settings.ts';
import type { NatsSettings } from './connection.nats.ts';

/** How a process reaches NATS, as the environment has it. `name`: who connects. */
export function natsSettingsFromEnv(
  env: Settings<(typeof natsSettings)[number]>,
  name: string,
  log: BusLog,
): NatsSettings {
  return {
    url: env.MUSTER_NATS_URL,
    caFile: env.MUSTER_NATS_CA_FILE,
    certFile: env.MUSTER_NATS_CERT_FILE,
    keyFile: env.MUSTER_NATS_KEY_FILE,
    credentialsFile: env.MUSTER_NATS_CREDENTIALS_FILE,
    streams: {
      replicas: env.MUSTER_NATS_REPLICAS,
      bytes: {
        REPORTS: env.MUSTER_NATS_REPORTS_BYTES,
        FACTS: env.MUSTER_NATS_FACTS_BYTES,
        PARTS: env.MUSTER_NATS_PARTS_BYTES,
        DEADLETTERS: defaultStreamSettings.bytes['DEADLETTERS']!,
      },
    },
    name,
    log,
  };
}
