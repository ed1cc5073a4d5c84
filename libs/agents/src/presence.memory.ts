import type { AgentId } from './agent-id.ts';
import { mayClaim, type Keeper } from './owner.ts';
import { assumedLeaseMs, componentsKnownMs, nobodyAfter } from './presence.ts';
import type {
  Claim,
  Claimed,
  HeldAgent,
  Mark,
  Presence,
  RenameRecord,
  SeedRecord,
  Session,
} from './presence.ts';

/** Presence inside one process. `now` is for tests. */
export function createMemoryPresence(options: { now?: () => number } = {}): Presence {
  return new MemoryPresence(options.now ?? Date.now);
}

interface Entry {
  epoch: number;
  /** Epoch of whoever noted the state last; 0: nobody has. */
  notedEpoch: number;
  sequenceNum: number;
  lastSeen: number;
  capabilities: number;
  fingerprints: Uint8Array | null;
  /** null: let go of; undefined: not known since the store was wiped and seeded. */
  gateway: string | null | undefined;
  /** Whose it is; null: not known. */
  keeper: Keeper | null;
}

interface Lease {
  /** Unix milliseconds. */
  until: number;
  /** The gateway was given agents and has not said that it lives. */
  assumed: boolean;
}

class MemoryPresence implements Presence {
  private readonly entries = new Map<AgentId, Entry>();
  private readonly held = new Map<string, Set<AgentId>>();
  private readonly leases = new Map<string, Lease>();
  /** Agents' hash of a list of components → where it is stored; until when (Unix milliseconds) it is, or somebody asks. */
  private readonly components = new Map<string, { content: string | null; askedUntil: number }>();
  /** New name → former one, until the rename is confirmed. */
  private readonly formerNames = new Map<AgentId, AgentId>();
  /** Former name → new one. */
  private readonly successors = new Map<AgentId, AgentId>();
  /** Unix milliseconds. */
  private returnsUntil = 0;
  private seeded = false;

  private readonly now: () => number;

  constructor(now: () => number) {
    this.now = now;
  }

  async claim(gateway: string, claims: readonly Claim[]): Promise<Claimed[]> {
    return claims.map((claim) => this.claimOne(gateway, claim));
  }

  async checkpoint(gateway: string, marks: readonly Mark[]): Promise<AgentId[]> {
    const movedOn: AgentId[] = [];
    for (const mark of marks) {
      const entry = this.entries.get(mark.agent);
      if (!entry) continue;
      const isHeard = mark.lastSeen > entry.lastSeen;
      note(entry, mark);
      if (!isCurrent(entry, mark)) {
        if (entry.gateway && entry.gateway !== gateway && isHeard) movedOn.push(mark.agent);
        continue;
      }
      entry.epoch = mark.epoch;
      if (entry.gateway === undefined) this.hold(mark.agent, entry, gateway);
    }
    return movedOn;
  }

  async release(gateway: string, marks: readonly Mark[]): Promise<AgentId[]> {
    return this.letGo(gateway, marks, null);
  }

  async leave(gateway: string, marks: readonly Mark[], ttlMs: number): Promise<void> {
    const heir = nobodyAfter(gateway);
    await this.renewLease(heir, ttlMs);
    this.letGo(gateway, marks, heir);
  }

  private letGo(gateway: string, marks: readonly Mark[], heir: string | null): AgentId[] {
    const released: AgentId[] = [];
    for (const mark of marks) {
      const entry = this.entries.get(mark.agent);
      if (!entry) continue;
      note(entry, mark);
      if (!isCurrent(entry, mark)) continue;
      entry.epoch = mark.epoch;
      if (entry.gateway !== gateway && entry.gateway !== undefined) continue;
      this.hold(mark.agent, entry, heir);
      released.push(mark.agent);
    }
    return released;
  }

  async rename(former: AgentId, successor: AgentId): Promise<void> {
    this.formerNames.set(successor, former);
  }

  async confirmRename(successor: AgentId): Promise<void> {
    this.formerNames.delete(successor);
  }

  async forget(agents: readonly AgentId[]): Promise<void> {
    for (const agent of agents) {
      this.formerNames.delete(agent);
      const entry = this.entries.get(agent);
      if (!entry) continue;
      this.hold(agent, entry, null);
      this.entries.delete(agent);
    }
  }

  async locate(agents: readonly AgentId[]): Promise<Map<AgentId, string>> {
    const holders = new Map<AgentId, string>();
    for (const agent of agents) {
      const gateway = this.entries.get(agent)?.gateway;
      if (gateway) holders.set(agent, gateway);
    }
    return holders;
  }

  async lastSeen(agents: readonly AgentId[]): Promise<Map<AgentId, number>> {
    const seen = new Map<AgentId, number>();
    for (const agent of agents) {
      const entry = this.entries.get(agent);
      if (entry) seen.set(agent, entry.lastSeen);
    }
    return seen;
  }

  async findComponents(hash: string, forMs: number): Promise<{ content: string | null; ask: boolean }> {
    const known = this.components.get(hash);
    if (known?.content && known.askedUntil > this.now()) return { content: known.content, ask: false };
    const ask = known === undefined || known.askedUntil <= this.now();
    if (ask) this.components.set(hash, { content: null, askedUntil: this.now() + forMs });
    return { content: null, ask };
  }

  async keepComponents(hash: string, content: string): Promise<void> {
    this.components.set(hash, { content, askedUntil: this.now() + componentsKnownMs });
  }

  async renewLease(gateway: string, ttlMs: number): Promise<boolean> {
    const lease = this.leases.get(gateway);
    this.leases.set(gateway, { until: this.now() + ttlMs, assumed: false });
    return lease !== undefined && !lease.assumed && lease.until > this.now();
  }

  async endLease(gateway: string): Promise<void> {
    this.leases.delete(gateway);
    for (const agent of this.held.get(gateway) ?? []) this.hold(agent, this.entries.get(agent)!, null);
  }

  async expiredGateways(): Promise<string[]> {
    return [...this.held.keys()].filter((gateway) => !this.lives(gateway));
  }

  async expectReturns(ttlMs: number): Promise<void> {
    this.returnsUntil = Math.max(this.returnsUntil, this.now() + ttlMs);
  }

  async returnsWithin(): Promise<number> {
    return Math.max(0, this.returnsUntil - this.now());
  }

  async heldBy(gateway: string): Promise<HeldAgent[]> {
    return [...(this.held.get(gateway) ?? [])].map((agent) => ({
      agent,
      epoch: this.entries.get(agent)!.epoch,
    }));
  }

  async isSeeded(): Promise<boolean> {
    return this.seeded;
  }

  async seed(records: readonly SeedRecord[], renames: readonly RenameRecord[] = []): Promise<void> {
    for (const { agent, owner = null, remoteAddress = '', ...record } of records) {
      const known = this.entries.get(agent);
      const keeper = owner && { owner, remoteAddress };
      if (known) known.keeper ??= keeper;
      if (known && known.epoch >= record.epoch) continue;
      if (known) this.hold(agent, known, null);
      this.entries.set(agent, {
        ...record,
        notedEpoch: record.epoch,
        fingerprints: null,
        gateway: undefined,
        keeper: known?.keeper ?? keeper,
      });
    }
    for (const { former, successor } of renames) this.successors.set(former, successor);
    this.seeded = true;
  }

  async check(): Promise<string | null> {
    return null;
  }

  async close(): Promise<void> {}

  private claimOne(gateway: string, { agent, now, claimant, isKnown, from }: Claim): Claimed {
    const successor = this.successors.get(agent);
    const former = this.formerNames.get(agent) ?? null;
    const keeper = this.keeperOf(successor ?? agent) ?? (former && this.keeperOf(former));
    if (claimant && keeper && !mayClaim(keeper.owner, claimant)) return { kind: 'foreign', keeper };
    if (successor) return { kind: 'renamed', successor };
    if (former) this.takeOver(former, agent);
    const known = this.entries.get(agent);
    if (claimant && !known && !this.seeded && !isKnown) return { kind: 'unseeded' };
    if (known?.gateway && known.gateway !== gateway && from !== undefined && known.gateway !== from) {
      return { kind: 'held', gateway: known.gateway };
    }
    const entry = known ?? { ...unknownAgent };
    const previous = known ? sessionLeft(known) : null;
    if (claimant) entry.keeper = { owner: claimant.owner, remoteAddress: claimant.remoteAddress };
    entry.epoch = Math.max(entry.epoch + 1, now);
    entry.lastSeen = Math.max(entry.lastSeen, now);
    this.entries.set(agent, entry);
    this.hold(agent, entry, gateway);
    const isTaken = claimant && keeper && keeper.owner !== claimant.owner;
    return { kind: 'claimed', epoch: entry.epoch, former, previous, ...(isTaken && { takenFrom: keeper }) };
  }

  private keeperOf(agent: AgentId): Keeper | null {
    return this.entries.get(agent)?.keeper ?? null;
  }

  /** The first claim under a new name. */
  private takeOver(former: AgentId, agent: AgentId): void {
    this.successors.set(former, agent);
    const entry = this.entries.get(former);
    if (!entry || this.entries.has(agent)) return;
    const { gateway } = entry;
    this.hold(former, entry, null);
    this.entries.delete(former);
    this.entries.set(agent, entry);
    if (gateway) this.hold(agent, entry, gateway);
    else entry.gateway = gateway;
  }

  private lives(gateway: string): boolean {
    return (this.leases.get(gateway)?.until ?? 0) > this.now();
  }

  private hold(agent: AgentId, entry: Entry, gateway: string | null): void {
    if (entry.gateway) {
      const agents = this.held.get(entry.gateway);
      agents?.delete(agent);
      if (agents?.size === 0) this.held.delete(entry.gateway);
    }
    entry.gateway = gateway;
    if (gateway === null) return;
    if (!this.leases.has(gateway))
      this.leases.set(gateway, { until: this.now() + assumedLeaseMs, assumed: true });
    const agents = this.held.get(gateway) ?? new Set();
    this.held.set(gateway, agents.add(agent));
  }
}

const unknownAgent: Entry = {
  epoch: 0,
  notedEpoch: 0,
  sequenceNum: 0,
  lastSeen: 0,
  capabilities: 0,
  fingerprints: null,
  gateway: null,
  keeper: null,
};

function sessionLeft(entry: Entry): Session['previous'] {
  const gateway = entry.gateway ?? null;
  const { sequenceNum, fingerprints, capabilities, lastSeen } = entry;
  return { sequenceNum, fingerprints, online: gateway !== null, gateway, capabilities, lastSeen };
}

/** A seeded epoch may lag behind the one under which a gateway still holds the agent. */
function isCurrent(entry: Entry, mark: Mark): boolean {
  return entry.gateway === undefined ? mark.epoch >= entry.epoch : mark.epoch === entry.epoch;
}

/** Of two holders that say where the session stands the later one is right, in whatever order they say it. */
function note(entry: Entry, mark: Mark): void {
  entry.lastSeen = Math.max(entry.lastSeen, mark.lastSeen);
  if (mark.epoch < entry.notedEpoch || mark.epoch > latestEpoch(entry, mark)) return;
  if (mark.sequenceNum !== null) {
    entry.sequenceNum = mark.sequenceNum;
    entry.notedEpoch = mark.epoch;
  }
  if (mark.capabilities !== 0) entry.capabilities = mark.capabilities;
  if (mark.fingerprints) entry.fingerprints = Uint8Array.from(mark.fingerprints);
}

/** A mark from the future is of an agent that was forgotten meanwhile, or the seed lags behind. */
function latestEpoch(entry: Entry, mark: Mark): number {
  return entry.gateway === undefined ? Math.max(entry.epoch, mark.epoch) : entry.epoch;
}
