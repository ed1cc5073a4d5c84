import type { Redis } from 'ioredis';
import { agentIdToBytes, type AgentId } from '@muster/agents/agent-id';
import {
  RedisScript,
  chunks,
  closeRedis,
  openRedis,
  type RedisSettings,
} from '@muster/agents/redis-client.redis';
import type { KnownDatabase, OfferCache } from './offer-cache.ts';
import type { DatabaseGeneration } from './offer-hold.ts';

/*
 * Keys
 *   muster:desired:<4 hex digits>  hash of the agents whose uid ends so: uid → config hash (32 bytes); many
 *                                  small hashes, which Redis keeps compact
 *   muster:desired:seeded          marker
 *   muster:remote-config:<hash>    encoded AgentRemoteConfig
 *   muster:database                hash: lineage and number of the newest generation of the database that is known;
 *                                  heldSince while offers are held, lastHeldAt when that began last, Unix ms
 */
const seededKey = 'muster:desired:seeded';
const databaseKey = 'muster:database';
const remoteConfigKey = (hash: string) => `muster:remote-config:${hash}`;

const prelude = `
local function bucket(uid)
  return 'muster:desired:' .. string.format('%02x%02x', string.byte(uid, 15, 16))
end
`;

/** For each agent its uid, one byte with the length of the hash, the hash; no hash takes away what there is. */
const setScript = new RedisScript(`${prelude}
local desired, at = ARGV[1], 1
while at <= #desired do
  local uid, length = string.sub(desired, at, at + 15), string.byte(desired, at + 16)
  if length == 0 then
    redis.call('HDEL', bucket(uid), uid)
  else
    redis.call('HSET', bucket(uid), uid, string.sub(desired, at + 17, at + 16 + length))
  end
  at = at + 17 + length
end`);

/** uids → the hash of each, or nil. */
const getScript = new RedisScript(`${prelude}
local uids, hashes = ARGV[1], {}
local held = redis.call('HEXISTS', '${databaseKey}', 'heldSince') == 1
for i = 1, #uids, 16 do
  local uid = string.sub(uids, i, i + 15)
  hashes[#hashes + 1] = not held and redis.call('HGET', bucket(uid), uid)
end
return hashes`);

/** lineage, number (none: only ask) → lineage, number, heldSince, lastHeldAt, or nil for each */
const keepGenerationScript = new RedisScript(`
local lineage, number = ARGV[1], ARGV[2]
if lineage ~= '' then
  local known = redis.call('HMGET', '${databaseKey}', 'lineage', 'number')
  if not known[1] or (known[1] == lineage and tonumber(number) > tonumber(known[2])) then
    redis.call('HSET', '${databaseKey}', 'lineage', lineage, 'number', number)
  end
end
return redis.call('HMGET', '${databaseKey}', 'lineage', 'number', 'heldSince', 'lastHeldAt')`);

/** lineage, number, heldSince or nothing */
const setHoldScript = new RedisScript(`
redis.call('HSET', '${databaseKey}', 'lineage', ARGV[1], 'number', ARGV[2])
if ARGV[3] == '' then
  redis.call('HDEL', '${databaseKey}', 'heldSince')
else
  redis.call('HSET', '${databaseKey}', 'heldSince', ARGV[3], 'lastHeldAt', ARGV[3])
  redis.call('DEL', '${seededKey}')
end`);

/** The offer cache in Redis, for all processes of a cluster: one script call for 500 agents. */
export function createRedisOfferCache(settings: RedisSettings): OfferCache {
  return new RedisOfferCache(openRedis(settings, 'offer-cache'));
}

class RedisOfferCache implements OfferCache {
  private readonly redis: Redis;

  constructor(redis: Redis) {
    this.redis = redis;
  }

  async setDesired(desired: readonly { agent: AgentId; hash: string | null }[]): Promise<void> {
    for (const chunk of chunks(desired)) {
      const entries = chunk.flatMap(({ agent, hash }) => {
        const bytes = Buffer.from(hash ?? '', 'hex');
        return [agentIdToBytes(agent), Buffer.of(bytes.length), bytes];
      });
      await setScript.run(this.redis, Buffer.concat(entries));
    }
  }

  async putRemoteConfig(hash: string, remoteConfig: Uint8Array): Promise<void> {
    await this.redis.set(remoteConfigKey(hash), Buffer.from(remoteConfig));
  }

  async desired(agents: readonly AgentId[]): Promise<(string | null)[]> {
    const hashes: (string | null)[] = [];
    for (const chunk of chunks(agents)) {
      const values = (await getScript.run(this.redis, uidBytes(chunk))) as (Buffer | null)[];
      for (const value of values) hashes.push(value ? value.toString('hex') : null);
    }
    return hashes;
  }

  async remoteConfig(hash: string): Promise<Uint8Array | null> {
    return this.redis.getBuffer(remoteConfigKey(hash));
  }

  async keepGeneration(known: DatabaseGeneration | null): Promise<KnownDatabase> {
    const answer = (await keepGenerationScript.run(
      this.redis,
      known?.lineage ?? '',
      String(known?.number ?? ''),
    )) as (Buffer | null)[];
    const [lineage, number, heldSince, lastHeldAt] = answer.map((value) => value?.toString() ?? null);
    return {
      generation: lineage && number ? { lineage, number: Number(number) } : null,
      heldSince: heldSince ? Number(heldSince) : null,
      lastHeldAt: Number(lastHeldAt ?? 0),
    };
  }

  async setHold({ lineage, number }: DatabaseGeneration, heldSince: number | null): Promise<void> {
    await setHoldScript.run(this.redis, lineage, String(number), String(heldSince ?? ''));
  }

  async isSeeded(): Promise<boolean> {
    return (await this.redis.exists(seededKey)) === 1;
  }

  async markSeeded(): Promise<void> {
    await this.redis.set(seededKey, '1');
  }

  async close(): Promise<void> {
    await closeRedis(this.redis);
  }
}

function uidBytes(agents: readonly AgentId[]): Buffer {
  return Buffer.concat(agents.map(agentIdToBytes));
}
