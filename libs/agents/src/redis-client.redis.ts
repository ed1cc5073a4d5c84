import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { assertCertificates, readCredentialFile } from '@muster/platform/credential-files';
import type { Log } from '@muster/platform/log';
import type { redisSettings, Settings } from '@muster/platform/settings';

export interface RedisSettings {
  /** redis://[user:password@]host:port[/database], rediss:// over TLS */
  url: string;
  /** PEM certificates of the authorities that the server must have its own from; else those of the system. */
  caFile?: string | undefined;
  log?: Log | undefined;
  /** Calls wait for Redis as long as it takes (default false). */
  patient?: boolean;
}

/** How a process reaches Redis, as the environment has it. */
export function redisSettingsFromEnv(env: Settings<(typeof redisSettings)[number]>, log: Log): RedisSettings {
  return { url: env.MUSTER_REDIS_URL, caFile: env.MUSTER_REDIS_CA_FILE, log };
}

/** A connection that says nothing for so long while an answer is due is cut and made anew, milliseconds. */
const silenceMs = 10_000;
/** BullMQ asks for jobs that may take 10 s to come. */
const patientSilenceMs = 30_000;

/**
 * A connection to Redis that comes back by itself, for ever. While Redis is away calls reject after two
 * seconds, when it hangs after five.
 */
export function openRedis({ url, caFile, log, patient = false }: RedisSettings, name: string): Redis {
  const redis = new Redis(url, {
    ...tlsOptions(caFile),
    connectionName: `muster-${name}`,
    connectTimeout: 5_000,
    retryStrategy: (attempt) => Math.min(100 * 2 ** attempt, 1_000),
    maxRetriesPerRequest: patient ? null : 3,
    commandTimeout: patient ? undefined : 5_000,
    socketTimeout: patient ? patientSilenceMs : silenceMs,
  });
  let away = false;
  redis.on('error', (error: Error) => {
    if (!away) log?.warn({ err: error }, `Redis is away (${name}); reconnecting`);
    away = true;
  });
  redis.on('ready', () => {
    if (away) log?.info(`Redis is back (${name})`);
    away = false;
  });
  return redis;
}

/** Redis cannot be reached. */
export class RedisUnavailable extends Error {
  readonly code = 'redis-unavailable';
  readonly retryable = true;
}

function tlsOptions(caFile: string | undefined) {
  if (caFile === undefined) return {};
  assertCertificates('MUSTER_REDIS_CA_FILE', caFile);
  return { tls: { ca: readCredentialFile('MUSTER_REDIS_CA_FILE', caFile) } };
}

/** How long a process that starts waits for Redis, milliseconds. */
const startPatienceMs = 5_000;

/**
 * Rejects with a `RedisUnavailable` that names MUSTER_REDIS_URL when Redis does not answer now or is none that
 * Muster can use; with an `UnusableFile` when MUSTER_REDIS_CA_FILE is of no use. For the start of a process.
 */
export async function assertRedisAnswers({ url, caFile }: RedisSettings): Promise<void> {
  if (!URL.canParse(url))
    throw new RedisUnavailable('MUSTER_REDIS_URL is not a URL such as redis://host:6379');
  if (caFile !== undefined && !url.startsWith('rediss:'))
    throw new RedisUnavailable(
      'MUSTER_REDIS_CA_FILE is of no use without TLS: write MUSTER_REDIS_URL with rediss://',
    );
  const redis = new Redis(url, {
    ...tlsOptions(caFile),
    lazyConnect: true,
    retryStrategy: null,
    connectTimeout: startPatienceMs,
    commandTimeout: startPatienceMs,
    socketTimeout: startPatienceMs,
  });
  let cause: unknown;
  redis.on('error', (error: Error) => {
    cause ??= error;
  });
  const late = AbortSignal.timeout(startPatienceMs * 1.5);
  const given = new Promise<never>((_, reject) => {
    late.addEventListener('abort', () => reject(new Error('it does not answer')));
  });
  try {
    await Promise.race([given, redis.connect().then(() => assertUsable(redis))]);
  } catch (error) {
    if (error instanceof RedisUnavailable) throw error;
    const reason = cause ?? error;
    const message = reason instanceof Error ? reason.message : String(reason);
    throw new RedisUnavailable(
      `Redis at ${new URL(url).host} (MUSTER_REDIS_URL) cannot be reached: ${message}`,
      {
        cause: reason,
      },
    );
  } finally {
    redis.disconnect();
  }
}

/** A Sentinel, a member of a Redis Cluster and a replica answer, and are of no use. */
async function assertUsable(redis: Redis): Promise<void> {
  await redis.ping();
  // A user with few rights may not ask; then the first command tells.
  const info = await redis.info().catch(() => '');
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
  const wayOut = 'set it to the address that always leads to the primary, of a proxy or a Service';
  if (field('redis_mode') === 'sentinel')
    throw new RedisUnavailable(
      `MUSTER_REDIS_URL leads to a Redis Sentinel, which is not supported: ${wayOut}`,
    );
  if (field('redis_mode') === 'cluster')
    throw new RedisUnavailable(
      'MUSTER_REDIS_URL leads to a Redis Cluster, which is not supported: set it to a Redis that is none',
    );
  if (field('role') === 'slave')
    throw new RedisUnavailable(`MUSTER_REDIS_URL leads to a replica, which takes no writes: ${wayOut}`);
}

/** Null when Redis answers, or why not. Resolves within the time that a call may take. */
export async function whyRedisIsSilent(redis: Redis): Promise<string | null> {
  // A call would wait for the connection.
  if (redis.status !== 'ready') return 'Redis is not connected';
  try {
    await redis.ping();
    return null;
  } catch (error) {
    return `Redis does not answer (${error instanceof Error ? error.message : String(error)})`;
  }
}

/** How long the end waits for what is pending, milliseconds. */
const closePatienceMs = 1_000;

/** Sends what is pending and disconnects. */
export async function closeRedis(redis: Redis): Promise<void> {
  const late = delay(closePatienceMs, undefined, { ref: false });
  await Promise.race([redis.quit().catch(() => {}), late]);
  redis.disconnect();
}

/** A Lua script that takes and gives bytes. It runs atomically and names its keys itself: no Redis Cluster. */
export class RedisScript {
  private readonly sha: string;

  private readonly lua: string;

  constructor(lua: string) {
    this.lua = lua;
    this.sha = createHash('sha1').update(lua).digest('hex');
  }

  async run(redis: Redis, ...args: (string | Buffer)[]): Promise<unknown> {
    try {
      return await redis.callBuffer('EVALSHA', this.sha, 0, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return redis.callBuffer('EVAL', this.lua, 0, ...args);
    }
  }
}

/** Slices small enough that a script over one does not keep others waiting. */
export function* chunks<T>(items: readonly T[], size = 500): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
