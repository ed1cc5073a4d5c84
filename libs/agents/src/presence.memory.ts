import type { AgentId } from './agent-id.ts';
import type { Claim, Mark, Presence, SeedRecord, Session } from './presence.ts';

/** Presence inside one process. `now` is for tests. */
export function createMemoryPresence(options: { now?: () => number } = {}): Presence {
  return new MemoryPresence(options.now ?? Date.now);
}

interface Entry {
  epoch: number;
  sequenceNum: number;
  lastSeen: number;
  capabilities: number;
  fingerprints: Uint8Array | null;
  /** null: let go of; undefined: not known since the store was wiped and seeded. */
  gateway: string | null | undefined;
}

class MemoryPresence implements Presence {
  private readonly entries = new Map<AgentId, Entry>();
  private readonly held = new Map<string, Set<AgentId>>();
  /** Gateway → Unix milliseconds when its lease runs out. */
  private readonly leases = new Map<string, number>();
  private seeded = false;

  constructor(private readonly now: () => number) {}

  async claim(gateway: string, claims: readonly Claim[]): Promise<Session[]> {
    return claims.map((claim) => this.claimOne(gateway, claim));
  }

  async checkpoint(gateway: string, marks: readonly Mark[]): Promise<void> {
    for (const mark of marks) {
      const entry = this.entries.get(mark.agent);
      if (!entry || !isCurrent(entry, mark)) continue;
      note(entry, mark);
      if (entry.gateway === undefined) this.hold(mark.agent, entry, gateway);
    }
  }

  async release(gateway: string, marks: readonly Mark[]): Promise<AgentId[]> {
    const released: AgentId[] = [];
    for (const mark of marks) {
      const entry = this.entries.get(mark.agent);
      if (!entry || !isCurrent(entry, mark)) continue;
      if (entry.gateway !== gateway && entry.gateway !== undefined) continue;
      note(entry, mark);
      this.hold(mark.agent, entry, null);
      released.push(mark.agent);
    }
    return released;
  }

  async forget(agents: readonly AgentId[]): Promise<void> {
    for (const agent of agents) {
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

  async renewLease(gateway: string, ttlMs: number): Promise<void> {
    this.leases.set(gateway, this.now() + ttlMs);
  }

  async endLease(gateway: string): Promise<void> {
    this.leases.delete(gateway);
    for (const agent of this.held.get(gateway) ?? []) this.hold(agent, this.entries.get(agent)!, null);
  }

  async expiredGateways(): Promise<string[]> {
    return [...this.held.keys()].filter((gateway) => (this.leases.get(gateway) ?? 0) <= this.now());
  }

  async heldBy(gateway: string): Promise<{ agent: AgentId; epoch: number }[]> {
    return [...(this.held.get(gateway) ?? [])].map((agent) => ({
      agent,
      epoch: this.entries.get(agent)!.epoch,
    }));
  }

  async isSeeded(): Promise<boolean> {
    return this.seeded;
  }

  async seed(records: readonly SeedRecord[]): Promise<void> {
    for (const { agent, ...record } of records) {
      const known = this.entries.get(agent);
      if (known && known.epoch >= record.epoch) continue;
      if (known) this.hold(agent, known, null);
      this.entries.set(agent, { ...record, fingerprints: null, gateway: undefined });
    }
    this.seeded = true;
  }

  async close(): Promise<void> {}

  private claimOne(gateway: string, { agent, now }: Claim): Session {
    const known = this.entries.get(agent);
    const entry = known ?? { ...unknownAgent };
    const previous = known ? sessionLeft(known) : null;
    entry.epoch = Math.max(entry.epoch + 1, now);
    entry.lastSeen = Math.max(entry.lastSeen, now);
    this.entries.set(agent, entry);
    this.hold(agent, entry, gateway);
    return { epoch: entry.epoch, previous };
  }

  private hold(agent: AgentId, entry: Entry, gateway: string | null): void {
    if (entry.gateway) {
      const agents = this.held.get(entry.gateway);
      agents?.delete(agent);
      if (agents?.size === 0) this.held.delete(entry.gateway);
    }
    entry.gateway = gateway;
    if (gateway === null) return;
    const agents = this.held.get(gateway) ?? new Set();
    this.held.set(gateway, agents.add(agent));
  }
}

const unknownAgent: Entry = {
  epoch: 0,
  sequenceNum: 0,
  lastSeen: 0,
  capabilities: 0,
  fingerprints: null,
  gateway: null,
};

function sessionLeft(entry: Entry): Session['previous'] {
  const gateway = entry.gateway ?? null;
  const { sequenceNum, fingerprints, capabilities } = entry;
  return { sequenceNum, fingerprints, online: gateway !== null, gateway, capabilities };
}

/** A seeded epoch may lag behind the one under which a gateway still holds the agent. */
function isCurrent(entry: Entry, mark: Mark): boolean {
  return entry.gateway === undefined ? mark.epoch >= entry.epoch : mark.epoch === entry.epoch;
}

function note(entry: Entry, mark: Mark): void {
  entry.epoch = mark.epoch;
  if (mark.sequenceNum !== null) entry.sequenceNum = mark.sequenceNum;
  entry.lastSeen = Math.max(entry.lastSeen, mark.lastSeen);
  if (mark.capabilities !== 0) entry.capabilities = mark.capabilities;
  if (mark.fingerprints) entry.fingerprints = Uint8Array.from(mark.fingerprints);
}
