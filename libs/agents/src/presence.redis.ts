import type { Redis } from 'ioredis';
import { agentIdFromBytes, agentIdToBytes, type AgentId } from './agent-id.ts';
import type { Claim, Mark, Presence, SeedRecord, Session } from './presence.ts';
import {
  buckets,
  claimScript,
  expiredScript,
  forgetScript,
  heldKey,
  heldScript,
  leaseKey,
  letGoScript,
  markScript,
  readScript,
  seededKey,
  seedScript,
} from './presence-scripts.redis.ts';
import { chunks, closeRedis, openRedis, type RedisSettings } from './redis-client.redis.ts';

/**
 * Presence in Redis, for all processes of a cluster: one script call for 500 agents. What `heldBy` and
 * `endLease` cost grows with all agents, not with the gateway's; they are for gateways that are gone.
 */
export function createRedisPresence(settings: RedisSettings): Presence {
  return new RedisPresence(openRedis(settings, 'presence'));
}

const bucketsPerCall = 256;

class RedisPresence implements Presence {
  constructor(private readonly redis: Redis) {}

  async claim(gateway: string, claims: readonly Claim[]): Promise<Session[]> {
    const sessions: Session[] = [];
    for (const chunk of chunks(claims)) {
      const times = doubles(chunk.map(({ now }) => now));
      const previous = await claimScript.run(this.redis, gateway, uidsOf(chunk), times);
      const values = previous as (Buffer | null)[];
      for (const [index, { now }] of chunk.entries()) {
        sessions.push(toSession(values[index * 2] ?? null, values[index * 2 + 1] ?? null, now));
      }
    }
    return sessions;
  }

  async checkpoint(gateway: string, marks: readonly Mark[]): Promise<void> {
    for (const chunk of chunks(marks)) await markScript.run(this.redis, gateway, encodeMarks(chunk), '0');
  }

  async release(gateway: string, marks: readonly Mark[]): Promise<AgentId[]> {
    const released: AgentId[] = [];
    for (const chunk of chunks(marks)) {
      const places = await markScript.run(this.redis, gateway, encodeMarks(chunk), '1');
      for (const place of places as number[]) released.push(chunk[place]!.agent);
    }
    return released;
  }

  async forget(agents: readonly AgentId[]): Promise<void> {
    for (const chunk of chunks(agents)) await forgetScript.run(this.redis, uidBytes(chunk));
  }

  async locate(agents: readonly AgentId[]): Promise<Map<AgentId, string>> {
    const holders = new Map<AgentId, string>();
    for await (const { agent, record } of this.records(agents)) {
      if (record.gateway !== null) holders.set(agent, record.gateway);
    }
    return holders;
  }

  async lastSeen(agents: readonly AgentId[]): Promise<Map<AgentId, number>> {
    const seen = new Map<AgentId, number>();
    for await (const { agent, record } of this.records(agents)) seen.set(agent, record.lastSeen);
    return seen;
  }

  async renewLease(gateway: string, ttlMs: number): Promise<void> {
    await this.redis.set(leaseKey(gateway), '1', 'PX', ttlMs);
  }

  async endLease(gateway: string): Promise<void> {
    const held = (await this.heldBy(gateway)).map(({ agent }) => agent);
    for (const chunk of chunks(held)) await letGoScript.run(this.redis, gateway, uidBytes(chunk));
    await this.redis.del(leaseKey(gateway));
  }

  async expiredGateways(): Promise<string[]> {
    const gateways = (await expiredScript.run(this.redis)) as Buffer[];
    return gateways.map(String);
  }

  async heldBy(gateway: string): Promise<{ agent: AgentId; epoch: number }[]> {
    const count = Number((await this.redis.hget(heldKey, gateway)) ?? 0);
    const held: { agent: AgentId; epoch: number }[] = [];
    for (let first = 0; first < buckets && held.length < count; first += bucketsPerCall) {
      const last = first + bucketsPerCall - 1;
      const found = (await heldScript.run(this.redis, gateway, String(first), String(last))) as Buffer;
      for (let at = 0; at < found.length; at += 24) {
        held.push({
          agent: agentIdFromBytes(found.subarray(at, at + 16)),
          epoch: found.readDoubleBE(at + 16),
        });
      }
    }
    return held;
  }

  async isSeeded(): Promise<boolean> {
    return (await this.redis.exists(seededKey)) === 1;
  }

  async seed(records: readonly SeedRecord[]): Promise<void> {
    for (const chunk of chunks(records))
      await seedScript.run(this.redis, Buffer.concat(chunk.map(encodeNumbers)));
    await this.redis.set(seededKey, '1');
  }

  async close(): Promise<void> {
    await closeRedis(this.redis);
  }

  private async *records(
    agents: readonly AgentId[],
  ): AsyncGenerator<{ agent: AgentId; record: AgentRecord }> {
    for (const chunk of chunks(agents)) {
      const values = (await readScript.run(this.redis, uidBytes(chunk))) as (Buffer | null)[];
      for (const [index, agent] of chunk.entries()) {
        const value = values[index];
        if (value) yield { agent, record: decodeRecord(value) };
      }
    }
  }
}

interface AgentRecord {
  epoch: number;
  sequenceNum: number;
  lastSeen: number;
  capabilities: number;
  gateway: string | null;
}

function decodeRecord(value: Buffer): AgentRecord {
  return {
    epoch: value.readDoubleBE(0),
    sequenceNum: value.readDoubleBE(8),
    lastSeen: value.readDoubleBE(16),
    capabilities: value.readDoubleBE(24),
    gateway: value[32] === 'h'.charCodeAt(0) ? value.toString('utf8', 33) : null,
  };
}

function toSession(previous: Buffer | null, fingerprints: Buffer | null, now: number): Session {
  if (!previous) return { epoch: now, previous: null };
  const { epoch, sequenceNum, gateway, capabilities } = decodeRecord(previous);
  return {
    epoch: Math.max(epoch + 1, now),
    previous: { sequenceNum, fingerprints, online: gateway !== null, gateway, capabilities },
  };
}

function uidsOf(claims: readonly Claim[]): Buffer {
  return uidBytes(claims.map(({ agent }) => agent));
}

function uidBytes(agents: readonly AgentId[]): Buffer {
  return Buffer.concat(agents.map(agentIdToBytes));
}

function doubles(numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(numbers.length * 8);
  for (const [index, number] of numbers.entries()) bytes.writeDoubleBE(number, index * 8);
  return bytes;
}

function encodeNumbers({ agent, epoch, sequenceNum, lastSeen, capabilities }: SeedRecord | Mark): Buffer {
  return Buffer.concat([agentIdToBytes(agent), doubles([epoch, sequenceNum ?? -1, lastSeen, capabilities])]);
}

function encodeMarks(marks: readonly Mark[]): Buffer {
  return Buffer.concat(
    marks.flatMap((mark) => {
      const { fingerprints } = mark;
      const length = Buffer.of(fingerprints ? fingerprints.length + 1 : 0);
      return fingerprints ? [encodeNumbers(mark), length, fingerprints] : [encodeNumbers(mark), length];
    }),
  );
}
