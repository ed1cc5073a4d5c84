import { isIP } from 'node:net';
import { z } from 'zod';
import { nearestName } from './nearest-name.ts';
import { platformVariables } from './platform-variables.ts';

/** A setting that cannot be used; the message names it, says what is wrong and what is right. */
export class InvalidSetting extends Error {
  readonly code = 'invalid-setting';
}

const wholeNumber = (fallback: number, min: number, max: number) => {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message)
    .prefault(String(fallback));
};

const url = (...schemes: string[]) => {
  const wanted = `${schemes.join(':// or ')}:// URL`;
  return z
    .string({ error: `is missing: set it to a ${wanted}` })
    .refine((value) => URL.canParse(value) && schemes.includes(new URL(value).protocol.slice(0, -1)), {
      error: `must be a ${wanted}`,
    });
};

/** nats:// or tls:// servers with commas between; one without a scheme has that of the one before it. */
const natsServers = z
  .string({ error: 'is missing: set it to a nats:// or tls:// URL, or several with commas between' })
  .refine(
    (text) =>
      text
        .split(',')
        .every(
          (item, index) =>
            /^(nats|tls):\/\/./.test(item.trim()) ||
            (index > 0 && /^[^:/]/.test(item.trim()) && !item.includes('://')),
        ),
    { error: 'must be a nats:// or tls:// URL, or several with commas between' },
  );

const redisServer = z
  .string({ error: 'is missing: set it to a redis:// or rediss:// URL' })
  .refine((text) => !/sentinel/i.test(text.split('://')[0]!), {
    error:
      'must be a redis:// or rediss:// URL: Sentinel is not supported; give the address that always leads to the primary, of a proxy or a Service',
  })
  .refine((text) => !text.includes(',') || URL.canParse(text), {
    error:
      'must be one redis:// or rediss:// URL, not a list: give the address that always leads to the primary',
  })
  .refine((text) => URL.canParse(text) && ['redis:', 'rediss:'].includes(new URL(text).protocol), {
    error: 'must be a redis:// or rediss:// URL',
  });

const presetSecret = z
  .string()
  .min(16, 'must have at least 16 characters')
  .max(512, 'must have at most 512 characters')
  .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces')
  .optional();

const network = (text: string) => {
  const [address = '', prefix, more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more !== undefined) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
};

const networks = z
  .string()
  .prefault('')
  .transform((text) => text.split(',').flatMap((item) => item.trim() || []))
  .refine((items) => items.every(network), {
    error: 'must be addresses or networks (10.0.0.0/8, fd00::/8), with commas between',
  });

/** 0: for ever. */
const days = (fallback: number) => wholeNumber(fallback, 0, 36_500);

const streamBytes = (fallback: number) => wholeNumber(fallback, 4_194_304, 1_099_511_627_776);

const flag = z
  .enum(['true', 'false'], { error: 'must be true or false' })
  .prefault('false')
  .transform((value) => value === 'true');

/** Every setting there is: how it is read, and what it is for. */
const settings = {
  MUSTER_DATA_DIR: z
    .string()
    .prefault('./.muster')
    .describe('All-in-one: where its database and its first credentials are kept.'),
  MUSTER_HOST: z
    .string()
    .regex(/^[A-Za-z0-9.:_-]+$/, 'must be a host name or an IP address to listen on')
    .prefault('127.0.0.1')
    .describe('Address to listen on. The default serves this machine alone.'),
  MUSTER_OPAMP_PORT: wholeNumber(4320, 0, 65_535).describe(
    'Port for agents: OpAMP over WebSocket and plain HTTP.',
  ),
  MUSTER_OPAMP_PUBLIC_URL: url('ws', 'wss', 'http', 'https')
    .optional()
    .describe(
      'How agents reach Muster, as wss://muster.example/v1/opamp; shown to people. Default: the host of the API on MUSTER_OPAMP_PORT.',
    ),
  MUSTER_API_PORT: wholeNumber(4321, 0, 65_535).describe('Port for people: web UI, REST and GraphQL.'),
  MUSTER_PROBE_PORT: wholeNumber(4322, 0, 65_535).describe(
    'Port for /healthz and /readyz of processes without an API.',
  ),
  MUSTER_ADMIN_TOKEN: presetSecret.describe('Preset admin key. Otherwise one is made at the first start.'),
  MUSTER_ENROLLMENT_TOKEN: presetSecret.describe(
    'Preset enrollment token. Otherwise one is made at the first start.',
  ),
  MUSTER_DATABASE_URL: url('postgres', 'postgresql').describe(
    'PostgreSQL. TLS: ?sslmode=verify-full&sslrootcert=/path, see docs/operations.md.',
  ),
  MUSTER_NATS_URL: natsServers.describe(
    'NATS with JetStream: a server, or several of one cluster with commas between.',
  ),
  MUSTER_NATS_CA_FILE: z
    .string()
    .optional()
    .describe(
      'PEM certificates of the authorities that NATS servers have theirs from. Default: the system’s.',
    ),
  MUSTER_NATS_CERT_FILE: z
    .string()
    .optional()
    .describe('PEM certificate by which Muster shows NATS who it is.'),
  MUSTER_NATS_KEY_FILE: z.string().optional().describe('PEM private key of that certificate.'),
  MUSTER_NATS_CREDENTIALS_FILE: z
    .string()
    .optional()
    .describe('NATS credentials: a .creds file, or an nkey seed. Instead of a user in MUSTER_NATS_URL.'),
  MUSTER_NATS_REPLICAS: z
    .enum(['1', '3', '5'], { error: 'must be 1, 3 or 5' })
    .optional()
    .transform((value) => (value === undefined ? null : Number(value)))
    .describe(
      'Servers that keep each JetStream stream. Default: 3 where the cluster has as many, 1 otherwise, never fewer than now.',
    ),
  MUSTER_NATS_REPORTS_BYTES: streamBytes(1_073_741_824).describe(
    'Reports that may wait for inventory. Reserved on the disk of each server that keeps them. The same for all processes.',
  ),
  MUSTER_NATS_FACTS_BYTES: streamBytes(268_435_456).describe(
    'What changed within the last hour, on the disk of each NATS server that keeps it. The same for all processes.',
  ),
  MUSTER_NATS_PARTS_BYTES: streamBytes(1_073_741_824).describe(
    'Parts of reports above max_payload, on the disk of each NATS server that keeps them. A report may take a quarter. The same for all processes.',
  ),
  MUSTER_REDIS_URL: redisServer.describe('Redis: one server, or what always leads to the primary.'),
  MUSTER_REDIS_CA_FILE: z
    .string()
    .optional()
    .describe(
      'PEM certificates of the authorities that Redis has its own from, for rediss://. Default: the system’s.',
    ),
  MUSTER_GATEWAY_ID: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,63}$/, 'must be 1 to 63 letters, digits, - or _')
    .optional()
    .describe('Name of a gateway, unique among those running. Default: host name and process id.'),
  MUSTER_OPAMP_TLS_CERT_FILE: z
    .string()
    .optional()
    .describe(
      'PEM certificate of the agent port, its chain after it. Without it agents connect without TLS.',
    ),
  MUSTER_OPAMP_TLS_KEY_FILE: z.string().optional().describe('PEM private key of that certificate.'),
  MUSTER_OPAMP_CLIENT_CA_FILE: z
    .string()
    .optional()
    .describe('PEM certificates of authorities: agents with a certificate of theirs need no token.'),
  MUSTER_TRUSTED_PROXIES: networks.describe(
    'Addresses and networks of proxies before the agent port and the API. What they say of clients counts; what others say does not.',
  ),
  MUSTER_CLIENT_CERT_HEADER: z
    .string()
    .regex(/^[A-Za-z0-9-]*$/, 'must be the name of an HTTP header')
    .prefault('')
    .transform((name) => name.toLowerCase())
    .describe('Header in which trusted proxies pass an agent’s certificate on: see docs/tls.md.'),
  MUSTER_MAX_MESSAGE_BYTES: wholeNumber(16_777_216, 65_536, 268_435_456).describe(
    'Largest OpAMP message, both ways, before compression.',
  ),
  MUSTER_MAX_STATUS_BYTES: wholeNumber(262_144, 16_384, 16_777_216).describe(
    'Largest description, health, status of any kind or list of capabilities that an agent may report.',
  ),
  MUSTER_MAX_EFFECTIVE_CONFIG_BYTES: wholeNumber(4_194_304, 65_536, 67_108_864).describe(
    'Largest effective configuration, list of components or custom message that an agent may send.',
  ),
  MUSTER_MAX_AGENTS_PER_CONNECTION: wholeNumber(10_000, 1, 1_000_000).describe(
    'Agents that may speak through one WebSocket at a time.',
  ),
  MUSTER_MAX_AGENTS_PER_TOKEN: wholeNumber(1_000_000, 1, 100_000_000).describe(
    'Agents that one enrollment token lets in, unless it has a limit of its own.',
  ),
  MUSTER_NEW_AGENTS_PER_HOUR: wholeNumber(100_000, 1, 100_000_000).describe(
    'Agents that a gateway does not know yet and takes in per hour from one address with one token. As many may come at once.',
  ),
  MUSTER_NEW_CONTENTS_PER_HOUR: wholeNumber(120, 1, 1_000_000).describe(
    'Effective configurations and lists of components that an agent may change to per hour, those of lately not counted.',
  ),
  MUSTER_NEW_CONTENT_BYTES_PER_HOUR: wholeNumber(67_108_864, 65_536, 1_099_511_627_776).describe(
    'Bytes of such changes per agent and hour. Of all new agents of one address and token together 64 times as much.',
  ),
  MUSTER_ACCEPTS_PER_SECOND: wholeNumber(10_000, 1, 1_000_000).describe(
    'Connections a gateway lets in per second; others are told to return later.',
  ),
  MUSTER_MESSAGES_PER_SECOND: wholeNumber(50, 1, 1_000_000).describe(
    'OpAMP messages per second that a connection may send for each agent on it. Ten seconds’ worth may come at once.',
  ),
  MUSTER_WRONG_CREDENTIALS_PER_MINUTE: wholeNumber(30, 1, 1_000_000).describe(
    'Wrong keys, sign-ins or enrollment tokens a minute from one address (IPv6: one /64 network). Beyond it they get 429; good ones pass.',
  ),
  MUSTER_UNFINISHED_BYTES: wholeNumber(67_108_864, 1_048_576, 68_719_476_736).describe(
    'Memory of a gateway for OpAMP messages that are still coming in. Beyond it large ones are refused.',
  ),
  MUSTER_RECYCLE_FROM_BYTES: wholeNumber(16_777_216, 0, 68_719_476_736).describe(
    'When sockets keep more than this of large messages, agents reconnect once to give it back. 0: never.',
  ),
  MUSTER_IDLE_TIMEOUT_SECONDS: wholeNumber(60, 8, 900).describe(
    'A WebSocket that completes neither a message nor a pong for so long is closed.',
  ),
  MUSTER_BODY_TIMEOUT_SECONDS: wholeNumber(60, 1, 3_600).describe(
    'How long the body of an OpAMP request over plain HTTP may take to come.',
  ),
  MUSTER_DISCONNECT_GRACE_MS: wholeNumber(2_000, 0, 600_000).describe(
    'How long a broken connection may take to come back before its agents are shown disconnected.',
  ),
  MUSTER_HTTP_SILENCE_SECONDS: wholeNumber(90, 1, 86_400).describe(
    'After this silence an agent on plain HTTP is shown disconnected: three polls of 30 s. The same for all processes.',
  ),
  MUSTER_DRAIN_SECONDS: wholeNumber(5, 0, 3_600).describe(
    'A gateway that stops lets go of its connections evenly over this time; its agents stay shown connected.',
  ),
  MUSTER_FORGET_AGENTS_AFTER_DAYS: days(90).describe(
    'An agent that is disconnected for so long is deleted. It enrols anew when it comes back. 0: never.',
  ),
  MUSTER_KEEP_AUDIT_DAYS: days(400).describe('How long events of the audit log are kept. 0: for ever.'),
  MUSTER_KEEP_ROLLOUTS_DAYS: days(180).describe(
    'How long finished rollouts and lifted quarantines are kept. The last ten rollouts of each fleet, and those by which agents have their configuration, stay. 0: for ever.',
  ),
  MUSTER_MAX_BODY_BYTES: wholeNumber(4_194_304, 1_024, 67_108_864).describe(
    'Largest request body of the API.',
  ),
  MUSTER_SECURE_COOKIES: flag.describe('Set the Secure attribute on session cookies: true behind HTTPS.'),
  MUSTER_LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'], {
      error: 'must be trace, debug, info, warn, error or silent',
    })
    .prefault('info')
    .describe('How much is logged, as JSON lines on stderr. All-in-one: warn.'),
  MUSTER_COLLECTORS_DIR: z
    .string()
    .prefault('')
    .describe(
      'Collectors that validate configurations: <directory>/<service.name>/<service.version>/otelcol. Default: none.',
    ),
  MUSTER_COLLECTORS_SANDBOX: z
    .enum(['on', 'off'], { error: 'must be on or off' })
    .prefault('on')
    .describe(
      'on: those collectors run without network, files and environment of this machine (Linux), or not at all.',
    ),
  MUSTER_BIN_DIR: z
    .string()
    .optional()
    .describe('Cluster: where to look for nats-server and redis-server first.'),
  OTEL_EXPORTER_OTLP_ENDPOINT: url('http', 'https')
    .optional()
    .describe('Where Muster sends its own metrics and traces, OTLP over HTTP.'),
};

export type SettingName = keyof typeof settings;
export type Settings<Name extends SettingName> = Readonly<{ [N in Name]: z.infer<(typeof settings)[N]> }>;

/** What a process reads to reach NATS. */
export const natsSettings = [
  'MUSTER_NATS_URL',
  'MUSTER_NATS_CA_FILE',
  'MUSTER_NATS_CERT_FILE',
  'MUSTER_NATS_KEY_FILE',
  'MUSTER_NATS_CREDENTIALS_FILE',
  'MUSTER_NATS_REPLICAS',
  'MUSTER_NATS_REPORTS_BYTES',
  'MUSTER_NATS_FACTS_BYTES',
  'MUSTER_NATS_PARTS_BYTES',
] as const satisfies readonly SettingName[];

/** What a process reads to reach Redis. */
export const redisSettings = [
  'MUSTER_REDIS_URL',
  'MUSTER_REDIS_CA_FILE',
] as const satisfies readonly SettingName[];

/** What a service reads that people and agents do not speak to. */
export const serviceSettings = [
  'MUSTER_HOST',
  'MUSTER_PROBE_PORT',
  'MUSTER_DATABASE_URL',
  ...natsSettings,
  ...redisSettings,
  'MUSTER_LOG_LEVEL',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
] as const satisfies readonly SettingName[];

/** What a gateway reads, wherever it runs. */
export const gatewaySettings = [
  'MUSTER_HOST',
  'MUSTER_OPAMP_PORT',
  'MUSTER_OPAMP_TLS_CERT_FILE',
  'MUSTER_OPAMP_TLS_KEY_FILE',
  'MUSTER_OPAMP_CLIENT_CA_FILE',
  'MUSTER_TRUSTED_PROXIES',
  'MUSTER_CLIENT_CERT_HEADER',
  'MUSTER_MAX_MESSAGE_BYTES',
  'MUSTER_MAX_STATUS_BYTES',
  'MUSTER_MAX_EFFECTIVE_CONFIG_BYTES',
  'MUSTER_MAX_AGENTS_PER_CONNECTION',
  'MUSTER_NEW_AGENTS_PER_HOUR',
  'MUSTER_NEW_CONTENTS_PER_HOUR',
  'MUSTER_NEW_CONTENT_BYTES_PER_HOUR',
  'MUSTER_ACCEPTS_PER_SECOND',
  'MUSTER_MESSAGES_PER_SECOND',
  'MUSTER_WRONG_CREDENTIALS_PER_MINUTE',
  'MUSTER_UNFINISHED_BYTES',
  'MUSTER_RECYCLE_FROM_BYTES',
  'MUSTER_IDLE_TIMEOUT_SECONDS',
  'MUSTER_BODY_TIMEOUT_SECONDS',
  'MUSTER_DISCONNECT_GRACE_MS',
  'MUSTER_HTTP_SILENCE_SECONDS',
] as const satisfies readonly SettingName[];

/**
 * Reads the named settings from environment variables into a frozen object. An empty variable counts as
 * not set, and so does what the platform makes for its services (`platformVariables`). Other `MUSTER_…` variables
 * that no process knows are refused: most are misspelt.
 *
 * @throws InvalidSetting naming every variable that is wrong, never its value: it may be a secret.
 */
export function readSettings<Name extends SettingName>(
  names: readonly Name[],
  env: Record<string, string | undefined>,
): Settings<Name> {
  const platform = platformVariables(env);
  const given = Object.fromEntries(
    Object.entries(env).filter(([name, value]) => value !== '' && !platform.has(name)),
  );
  const problems = Object.keys(given)
    .filter((name) => name.startsWith('MUSTER_') && !(name in settings))
    .map(
      (name) =>
        `${name} is not a setting of Muster: did you mean ${meant(name)}? docs/settings.md lists them`,
    );
  const read: Record<string, unknown> = {};
  for (const name of names) {
    const parsed = settings[name].safeParse(given[name]);
    if (parsed.success) read[name] = parsed.data;
    else problems.push(`${name} ${parsed.error.issues[0]?.message}`);
  }
  if (problems.length > 0) throw new InvalidSetting(problems.join('; '));
  return Object.freeze(read) as Settings<Name>;
}

const meant = (name: string) =>
  nearestName(
    name.toUpperCase(),
    Object.keys(settings).filter((known) => known.startsWith('MUSTER_')),
  );

/** The reference page of all settings, as Markdown rows: name, default, meaning. */
export function describeSettings(): { name: string; fallback: string; meaning: string }[] {
  return Object.entries(settings).map(([name, schema]) => {
    const fallback = schema.safeParse(undefined);
    return {
      name,
      fallback: fallback.success ? String(fallback.data ?? '') : 'required',
      meaning: schema.description ?? '',
    };
  });
}
