import { readSettings } from '@muster/platform/settings';

/** The settings of this process. @throws InvalidSetting */
export function readEnv() {
  return readSettings(
    [
      'MUSTER_HOST',
      'MUSTER_OPAMP_PORT',
      'MUSTER_PROBE_PORT',
      'MUSTER_GATEWAY_ID',
      'MUSTER_MAX_MESSAGE_BYTES',
      'MUSTER_ACCEPTS_PER_SECOND',
      'MUSTER_DISCONNECT_GRACE_MS',
      'MUSTER_HTTP_SILENCE_SECONDS',
      'MUSTER_NATS_URL',
      'MUSTER_REDIS_URL',
      'MUSTER_LOG_LEVEL',
      'OTEL_EXPORTER_OTLP_ENDPOINT',
    ],
    process.env,
  );
}
