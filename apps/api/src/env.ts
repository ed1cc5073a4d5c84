import { natsSettings, readSettings, redisSettings } from '@muster/platform/settings';

/** The settings of this process. @throws InvalidSetting */
export function readEnv() {
  return readSettings(
    [
      'MUSTER_HOST',
      'MUSTER_API_PORT',
      'MUSTER_OPAMP_PORT',
      'MUSTER_OPAMP_PUBLIC_URL',
      'MUSTER_OPAMP_TLS_CERT_FILE',
      'MUSTER_ADMIN_TOKEN',
      'MUSTER_ENROLLMENT_TOKEN',
      'MUSTER_MAX_BODY_BYTES',
      'MUSTER_SECURE_COOKIES',
      'MUSTER_TRUSTED_PROXIES',
      'MUSTER_WRONG_CREDENTIALS_PER_MINUTE',
      'MUSTER_COLLECTORS_DIR',
      'MUSTER_COLLECTORS_SANDBOX',
      'MUSTER_DATABASE_URL',
      ...natsSettings,
      ...redisSettings,
      'MUSTER_LOG_LEVEL',
      'OTEL_EXPORTER_OTLP_ENDPOINT',
    ],
    process.env,
  );
}
