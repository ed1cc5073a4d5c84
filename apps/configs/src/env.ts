import { readSettings } from '@muster/platform/settings';

export function readEnv() {
  return readSettings(
    [
      'MUSTER_LOG_LEVEL',
      'OTEL_EXPORTER_OTLP_ENDPOINT',
    ],
    process.env,
  );
}
