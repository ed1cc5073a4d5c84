import { gatewaySettings, readSettings } from '@muster/platform/settings';

/** The settings of this process. @throws InvalidSetting */
export function readEnv() {
  return readSettings(
    [
      ...gatewaySettings,
      'MUSTER_PROBE_PORT',
      'MUSTER_GATEWAY_ID',
      'MUSTER_DRAIN_SECONDS',
      'MUSTER_NATS_URL',
      'MUSTER_REDIS_URL',
      'MUSTER_LOG_LEVEL',
      'OTEL_EXPORTER_OTLP_ENDPOINT',
    ],
    process.env,
  );
}
