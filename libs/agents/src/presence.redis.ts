import type { Redis } from 'ioredis';
import { agentIdFromBytes, agentIdToBytes, type AgentId } from './agent-id.ts';
import { keeperFromBytes, keeperToBytes } from './owner.ts';
import {
  componentsKnownMs,
  nobodyAfter,
  type Claim,
  type Claimed,
  type HeldAgent,
  type Mark,
  type Presence,
  type RenameRecord,
  type SeedRecord,
} from './presence.ts';
import {
  buckets,
  claimFlag,
  claimScript,
  componentsKey,
  componentsScript,
  confirmRenameScript,
  expectScript,
  expiredScript,
  forgetScript,
  heldKey,
  heldScript,
  leaseKey,
  letGoScript,
  markScript,
  ownersKey,
  readScript,
  renameScript,
  returnsKey,
  seededKey,
  seedRenamesScript,
  seedScript,
} from './presence-scripts.redis.ts';
import { chunks, closeRedis, openRedis, whyRedisIsSilent, type RedisSettings } from './redis-client.redis.ts';

/**
 * Presence in Redis, for all processes of a cluster: one script call for 500 agents, or for 2,500 marks. What `heldBy` and
 * `endLease` cost grows with all agents, not with the gateway's; they are for gateways that are gone.
 */
export function createRedisPresence(settings: RedisSettings): Presence {
  return new RedisPresence(openRedis(settings, 'presence'));
}

const bucketsPerCall = 256;
/** A mark of a heartbeat takes Redis a few microseconds, so many together as long as 500 of anything else. */
const marksPerCall = 2_500;

class RedisPresence implements Presence {
  private readonly redis: Redis;

  constructor(redis: Redis) {
    this.redis = redis;
  }

  async claim(gateway: string, claims: readonly Claim[]): Promise<Claimed[]> {
    const claimed: Claimed[] = [];
    for (const chunk of chunks(claims)) {
      const answer = await claimScript.run(this.redis, gateway, Buffer.concat(chunk.flatMap(encodeClaim)));
      const values = answer as (Buffer | null)[];
      for (const [index, claim] of chunk.entries()) {
        claimed.push(toClaimed(claim, values.slice(index * 4, index * 4 + 4)));
      }
    }
    return claimed;
  }

  async checkpoint(gateway: string, marks: readonly Mark[]): Promise<AgentId[]> {
    return this.mark(gateway, marks, '', 1);
  }

  async release(gateway: string, marks: readonly Mark[]): Promise<AgentId[]> {
    return this.mark(gateway, marks, 'f', 0);
  }

  async leave(gateway: string, marks: readonly Mark[], ttlMs: number): Promise<void> {
    const heir = nobodyAfter(gateway);
    await this.renewLease(heir, ttlMs);
    await this.mark(gateway, marks, `h${heir}`, 0);
  }

  async rename(former: AgentId, successor: AgentId): Promise<void> {
    await renameScript.run(this.redis, agentIdToBytes(former), agentIdToBytes(successor));
  }

  async confirmRename(successor: AgentId): Promise<void> {
    await confirmRenameScript.run(this.redis, agentIdToBytes(successor));
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

  async findComponents(hash: string, forMs: number): Promise<{ content: string | null; ask: boolean }> {
    const found = (await componentsScript.run(
      this.redis,
      hash,
      String(forMs),
      String(componentsKnownMs),
    )) as Buffer | null;
    if (found === null) return { content: null, ask: true };
    return { content: found.length > 0 ? found.toString() : null, ask: false };
  }

  async keepComponents(hash: string, content: string): Promise<void> {
    await this.redis.set(componentsKey(hash), content, 'PX', componentsKnownMs);
  }

  async renewLease(gateway: string, ttlMs: number): Promise<boolean> {
    return (await this.redis.set(leaseKey(gateway), '1', 'PX', ttlMs, 'GET')) === '1';
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

  async expectReturns(ttlMs: number): Promise<void> {
    await expectScript.run(this.redis, String(Math.ceil(ttlMs)));
  }

  async returnsWithin(): Promise<number> {
    return Math.max(0, await this.redis.pttl(returnsKey));
  }

  async heldBy(gateway: string): Promise<HeldAgent[]> {
    const count = Number((await this.redis.hget(heldKey, gateway)) ?? 0);
    const held: HeldAgent[] = [];
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
    return (await this.redis.exists(seededKey, ownersKey)) === 2;
  }

  async seed(records: readonly SeedRecord[], renames: readonly RenameRecord[] = []): Promise<void> {
    for (const chunk of chunks(records))
      await seedScript.run(this.redis, Buffer.concat(chunk.flatMap(encodeSeed)));
    for (const chunk of chunks(renames)) {
      const names = chunk.flatMap(({ former, successor }) => [former, successor]);
      await seedRenamesScript.run(this.redis, uidBytes(names));
    }
    await this.redis.mset(seededKey, '1', ownersKey, '1');
  }

  check(): Promise<string | null> {
    return whyRedisIsSilent(this.redis);
  }

  async close(): Promise<void> {
    await closeRedis(this.redis);
  }

  /** Answers the agents of the marks that were current (0), or that another gateway holds (1). `heir`: see the script. */
  private async mark(
    gateway: string,
    marks: readonly Mark[],
    heir: string,
    which: 0 | 1,
  ): Promise<AgentId[]> {
    const agents: AgentId[] = [];
    for (const chunk of chunks(marks, marksPerCall)) {
      const places = (await markScript.run(this.redis, gateway, encodeMarks(chunk), heir)) as number[][];
      for (const place of places[which]!) agents.push(chunk[place]!.agent);
    }
    return agents;
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
    gateway: value[40] === 'h'.charCodeAt(0) ? value.toString('utf8', 41) : null,
  };
}

function toClaimed({ now }: Claim, [first, second, third, fourth]: (Buffer | null)[]): Claimed {
  const taken = fourth && { takenFrom: keeperFromBytes(fourth) };
  if (!first) {
    const former = third ? agentIdFromBytes(third) : null;
    return { kind: 'claimed', epoch: now, former, previous: null, ...taken };
  }
  if (first.equals(foreign)) return { kind: 'foreign', keeper: keeperFromBytes(second!) };
  if (first.equals(unseeded)) return { kind: 'unseeded' };
  if (first.equals(renamed)) return { kind: 'renamed', successor: agentIdFromBytes(second!) };
  if (first.equals(held)) return { kind: 'held', gateway: decodeRecord(second!).gateway! };
  const { epoch, sequenceNum, gateway, capabilities, lastSeen } = decodeRecord(first);
  return {
    kind: 'claimed',
    epoch: Math.max(epoch + 1, now),
    former: third ? agentIdFromBytes(third) : null,
    previous: {
      sequenceNum,
      fingerprints: second ?? null,
      online: gateway !== null,
      gateway,
      capabilities,
      lastSeen,
    },
    ...taken,
  };
}

const renamed = Buffer.from('renamed');
const held = Buffer.from('held');
const foreign = Buffer.from('foreign');
const unseeded = Buffer.from('unseeded');

/** See `claimScript`. */
function encodeClaim({ agent, now, claimant, isKnown, from }: Claim): Buffer[] {
  const head = Buffer.allocUnsafe(25);
  head.set(agentIdToBytes(agent));
  head.writeDoubleBE(now, 16);
  head[24] =
    (claimant ? claimFlag.claimant : 0) |
    (claimant?.mayTakeOver ? claimFlag.mayTakeOver : 0) |
    (claimant?.isNamed ? claimFlag.isNamed : 0) |
    (isKnown ? claimFlag.isKnown : 0) |
    (from === undefined ? 0 : claimFlag.from);
  return [
    head,
    ...(claimant ? lengthPrefixed(keeperToBytes(claimant)) : []),
    ...(from === undefined ? [] : lengthPrefixed(Buffer.from(from))),
  ];
}

function lengthPrefixed(bytes: Buffer): Buffer[] {
  return [Buffer.of(bytes.length), bytes];
}

function uidBytes(agents: readonly AgentId[]): Buffer {
  return Buffer.concat(agents.map(agentIdToBytes));
}

const numbersBytes = 16 + 4 * 8;

/** See `seedScript`. */
function encodeSeed(record: SeedRecord): Buffer[] {
  const { owner, remoteAddress = '' } = record;
  const bytes = Buffer.allocUnsafe(numbersBytes);
  writeNumbers(bytes, 0, record);
  return [bytes, ...lengthPrefixed(owner ? keeperToBytes({ owner, remoteAddress }) : Buffer.alloc(0))];
}

/** Answers where it ended. */
function writeNumbers(bytes: Buffer, at: number, record: SeedRecord | Mark): number {
  bytes.set(agentIdToBytes(record.agent), at);
  const { epoch, sequenceNum, lastSeen, capabilities } = record;
  let end = at + 16;
  for (const number of [epoch, sequenceNum ?? -1, lastSeen, capabilities]) {
    end = bytes.writeDoubleBE(number, end);
  }
  return end;
}

function encodeMarks(marks: readonly Mark[]): Buffer {
  const sizes = marks.map(({ fingerprints }) => numbersBytes + 1 + (fingerprints?.length ?? 0));
  const bytes = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + size, 0));
  let at = 0;
  for (const mark of marks) {
    const { fingerprints } = mark;
    at = writeNumbers(bytes, at, mark);
    at = bytes.writeUInt8(fingerprints === null ? 0 : fingerprints.length + 1, at);
    if (fingerprints === null) continue;
    bytes.set(fingerprints, at);
    at += fingerprints.length;
  }
  return bytes;
}
