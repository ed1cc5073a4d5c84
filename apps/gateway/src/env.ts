import { gatewaySettings, natsSettings, readSettings, redisSettings } from '@muster/platform/settings';

/** The settings of this process. @throws InvalidSetting */
export function readEnv() {
  return readSettings(
    [
      ...gatewaySettings,
      'MUSTER_PROBE_PORT',
      'MUSTER_GATEWAY_ID',
      'MUSTER_DRAIN_SECONDS',
      ...natsSettings,
      ...redisSettings,
      'MUSTER_LOG_LEVEL',
      'OTEL_EXPORTER_OTLP_ENDPOINT',
    ],
    process.env,
  );
}
