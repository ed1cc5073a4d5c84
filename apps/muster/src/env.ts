import { gatewaySettings, readSettings } from '@muster/platform/settings';

const forPeople = [
  'MUSTER_DATA_DIR',
  ...gatewaySettings,
  'MUSTER_OPAMP_PUBLIC_URL',
  'MUSTER_MAX_AGENTS_PER_TOKEN',
  'MUSTER_FORGET_AGENTS_AFTER_DAYS',
  'MUSTER_KEEP_AUDIT_DAYS',
  'MUSTER_KEEP_ROLLOUTS_DAYS',
  'MUSTER_API_PORT',
  'MUSTER_ADMIN_TOKEN',
  'MUSTER_ENROLLMENT_TOKEN',
  'MUSTER_MAX_BODY_BYTES',
  'MUSTER_SECURE_COOKIES',
  'MUSTER_COLLECTORS_DIR',
  'MUSTER_COLLECTORS_SANDBOX',
  'MUSTER_LOG_LEVEL',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
] as const;

type BackendUrl = 'MUSTER_DATABASE_URL' | 'MUSTER_NATS_URL' | 'MUSTER_REDIS_URL';

/** A terminal is for the banner: logs only speak up for trouble unless told otherwise. */
const quiet: Record<string, string | undefined> = {
  MUSTER_LOG_LEVEL: process.env['MUSTER_LOG_LEVEL'] || 'warn',
};

export type AllInOneEnv = ReturnType<typeof readAllInOneEnv>;
export function readAllInOneEnv() {
  return readSettings(forPeople, { ...process.env, ...quiet });
}

export type ClusterEnv = ReturnType<typeof readClusterEnv>;
/** The cluster's settings, with the environment its processes start from. */
export function readClusterEnv() {
  const environment: Record<string, string | undefined> = { ...process.env, ...quiet };
  const settings = readSettings([...forPeople, 'MUSTER_BIN_DIR'], environment);
  const given = <Name extends BackendUrl>(name: Name) =>
    environment[name] ? (readSettings([name], environment) as Record<Name, string>)[name] : null;
  return {
    ...settings,
    MUSTER_DATABASE_URL: given('MUSTER_DATABASE_URL'),
    MUSTER_NATS_URL: given('MUSTER_NATS_URL'),
    MUSTER_REDIS_URL: given('MUSTER_REDIS_URL'),
    environment,
  };
}
