import { readSettings } from '@muster/platform/settings';

/** The settings of this process. @throws InvalidSetting */
export function readEnv() {
  return readSettings(
    [
      'MUSTER_HOST',
      'MUSTER_PROBE_PORT',
      'MUSTER_DATABASE_URL',
      'MUSTER_NATS_URL',
      'MUSTER_REDIS_URL',
      'MUSTER_LOG_LEVEL',
      'OTEL_EXPORTER_OTLP_ENDPOINT',
    ],
    process.env,
  );
}
