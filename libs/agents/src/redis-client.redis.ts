import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import type { Log } from '@muster/platform/log';

export interface RedisSettings {
  /** redis://[user:password@]host:port[/database] */
  url: string;
  log?: Log | undefined;
  /** Calls wait for Redis as long as it takes (default false). */
  patient?: boolean;
}

/**
 * A connection to Redis that comes back by itself, for ever. While Redis is away calls reject after two
 * seconds, when it hangs after five.
 */
export function openRedis({ url, log, patient = false }: RedisSettings, name: string): Redis {
  const redis = new Redis(url, {
    connectionName: `muster-${name}`,
    retryStrategy: (attempt) => Math.min(100 * 2 ** attempt, 1_000),
    maxRetriesPerRequest: patient ? null : 3,
    commandTimeout: patient ? undefined : 5_000,
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

/** Rejects with a `RedisUnavailable` that names MUSTER_REDIS_URL when Redis does not answer now. For the start of a process. */
export async function assertRedisAnswers(url: string): Promise<void> {
  if (!URL.canParse(url))
    throw new RedisUnavailable('MUSTER_REDIS_URL is not a URL such as redis://host:6379');
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: null, commandTimeout: 5_000 });
  let cause: unknown;
  redis.on('error', (error: Error) => {
    cause = error;
  });
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
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

/** Sends what is pending and disconnects. */
export async function closeRedis(redis: Redis): Promise<void> {
  await redis.quit().catch(() => redis.disconnect());
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
