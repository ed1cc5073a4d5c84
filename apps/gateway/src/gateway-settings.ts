import { InvalidSetting, type gatewaySettings, type Settings } from '@muster/platform/settings';
import type { MessageLimits } from '@muster/opamp/message-limits';
import type { QuotaSettings } from './quotas.ts';
import type { TlsPaths } from './tls-files.ts';

type GatewayEnv = Settings<(typeof gatewaySettings)[number]>;

export interface GatewaySettings {
  /** Unique among gateways. */
  id: string;
  host: string;
  /** 0: any free one. */
  port: number;
  /** Bytes of one message with its header, received or sent, before packing and after unpacking. */
  maxMessageBytes: number;
  /** Bytes of the parts of a message. */
  messageLimits: MessageLimits;
  quotas: QuotaSettings;
  /** Agents let in each second. */
  acceptsPerSecond: number;
  /** Seconds; the shortest Retry-After. */
  minRetryAfter: number;
  /** Milliseconds an agent counts as connected after its connection broke. */
  graceMs: number;
  /** Milliseconds an agent on plain HTTP may be silent: three of its polling intervals. */
  httpSilenceMs: number;
  /** Milliseconds after which others may take this gateway for dead. */
  leaseTtlMs: number;
  /** Milliseconds over which connections are closed at the end; 0: at once. */
  drainMs: number;
  /** Milliseconds after which a WebSocket that completed neither a message nor a pong is closed. */
  idleMs: number;
  /** Milliseconds that the body of an HTTP request may take. */
  bodyTimeoutMs: number;
  /** Bytes of messages that are not complete yet, over all connections. */
  unfinishedBytes: number;
  /** Other parts of Muster are in this process: its memory tells little of the connections. */
  sharesProcess: boolean;
  /** Bytes of large messages that sockets may keep before agents are made to reconnect; 0: any number. */
  recycleFromBytes: number;
  /** Milliseconds without a large message after which an agent may be made to reconnect. */
  recycleAfterMs: number;
  /** Messages per second of one connection, for each agent on it; ten seconds' worth may come at once. */
  messagesPerSecond: number;
  /** Wrong tokens a minute from one address; beyond it they get 429. */
  wrongCredentialsPerMinute: number;
  /** Null: agents connect without TLS. */
  tls: TlsPaths | null;
  /** PEM file of authorities whose clients are let in; null: no certificate lets anybody in. */
  clientCaFile: string | null;
  /** Addresses and networks of proxies whose word counts. */
  trustedProxies: readonly string[];
  /** Header in which they pass a client's certificate on, lower case; empty: none. */
  certificateHeader: string;
  /** Bytes of reports kept while the bus takes none. */
  outboxBytes: number;
}

/** Everything but who and where. */
export const gatewayDefaults = {
  maxMessageBytes: 16 * 1024 * 1024,
  messageLimits: { statusBytes: 256 * 1024, effectiveConfigBytes: 4 * 1024 * 1024 },
  quotas: {
    agentsPerConnection: 10_000,
    newAgentsPerHour: 100_000,
    newContentsPerHour: 120,
    newContentBytesPerHour: 64 * 1024 * 1024,
  },
  acceptsPerSecond: 10_000,
  minRetryAfter: 30,
  graceMs: 2_000,
  httpSilenceMs: 90_000,
  leaseTtlMs: 15_000,
  drainMs: 0,
  idleMs: 60_000,
  bodyTimeoutMs: 60_000,
  unfinishedBytes: 64 * 1024 * 1024,
  sharesProcess: false,
  recycleFromBytes: 16 * 1024 * 1024,
  recycleAfterMs: 15_000,
  messagesPerSecond: 50,
  wrongCredentialsPerMinute: 30,
  tls: null,
  clientCaFile: null,
  trustedProxies: [],
  certificateHeader: '',
  outboxBytes: 64 * 1024 * 1024,
} satisfies Partial<GatewaySettings>;

/** The settings of the gateway `id`, as the environment has them. */
export function settingsFromEnv(env: GatewayEnv, id: string): GatewaySettings {
  return {
    ...gatewayDefaults,
    id,
    host: env.MUSTER_HOST,
    port: env.MUSTER_OPAMP_PORT,
    maxMessageBytes: env.MUSTER_MAX_MESSAGE_BYTES,
    messageLimits: {
      statusBytes: env.MUSTER_MAX_STATUS_BYTES,
      effectiveConfigBytes: env.MUSTER_MAX_EFFECTIVE_CONFIG_BYTES,
    },
    quotas: {
      agentsPerConnection: env.MUSTER_MAX_AGENTS_PER_CONNECTION,
      newAgentsPerHour: env.MUSTER_NEW_AGENTS_PER_HOUR,
      newContentsPerHour: env.MUSTER_NEW_CONTENTS_PER_HOUR,
      newContentBytesPerHour: env.MUSTER_NEW_CONTENT_BYTES_PER_HOUR,
    },
    acceptsPerSecond: env.MUSTER_ACCEPTS_PER_SECOND,
    graceMs: env.MUSTER_DISCONNECT_GRACE_MS,
    httpSilenceMs: env.MUSTER_HTTP_SILENCE_SECONDS * 1_000,
    idleMs: env.MUSTER_IDLE_TIMEOUT_SECONDS * 1_000,
    bodyTimeoutMs: env.MUSTER_BODY_TIMEOUT_SECONDS * 1_000,
    unfinishedBytes: env.MUSTER_UNFINISHED_BYTES,
    recycleFromBytes: env.MUSTER_RECYCLE_FROM_BYTES,
    messagesPerSecond: env.MUSTER_MESSAGES_PER_SECOND,
    wrongCredentialsPerMinute: env.MUSTER_WRONG_CREDENTIALS_PER_MINUTE,
    tls: tlsPaths(env),
    clientCaFile: env.MUSTER_OPAMP_CLIENT_CA_FILE ?? null,
    trustedProxies: env.MUSTER_TRUSTED_PROXIES,
    certificateHeader: env.MUSTER_CLIENT_CERT_HEADER,
  };
}

function tlsPaths(env: GatewayEnv): TlsPaths | null {
  const certFile = env.MUSTER_OPAMP_TLS_CERT_FILE;
  const keyFile = env.MUSTER_OPAMP_TLS_KEY_FILE;
  const clientCaFile = env.MUSTER_OPAMP_CLIENT_CA_FILE ?? null;
  if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile, clientCaFile };
  const [set, missing] =
    certFile === undefined
      ? ['MUSTER_OPAMP_TLS_KEY_FILE', 'MUSTER_OPAMP_TLS_CERT_FILE']
      : ['MUSTER_OPAMP_TLS_CERT_FILE', 'MUSTER_OPAMP_TLS_KEY_FILE'];
  if (certFile !== undefined || keyFile !== undefined)
    throw new InvalidSetting(`${missing} is missing: ${set} is set, and TLS needs both`);
  if (clientCaFile !== null && env.MUSTER_CLIENT_CERT_HEADER === '')
    throw new InvalidSetting(
      'MUSTER_OPAMP_CLIENT_CA_FILE is of no use without MUSTER_OPAMP_TLS_CERT_FILE, or MUSTER_CLIENT_CERT_HEADER behind a proxy',
    );
  return null;
}
