import type { AgentId } from '@muster/agents/agent-id';
import type { KnownDatabase, OfferCache } from './offer-cache.ts';
import type { DatabaseGeneration } from './offer-hold.ts';

/** The offer cache of the all-in-one process. */
export function createMemoryOfferCache(): OfferCache {
  return new MemoryOfferCache();
}

class MemoryOfferCache implements OfferCache {
  private readonly hashes = new Map<AgentId, string>();
  private readonly remoteConfigs = new Map<string, Uint8Array>();
  private seeded = false;
  private database: KnownDatabase = { generation: null, heldSince: null, lastHeldAt: 0 };

  async setDesired(desired: readonly { agent: AgentId; hash: string | null }[]): Promise<void> {
    for (const { agent, hash } of desired) {
      if (hash === null) this.hashes.delete(agent);
      else this.hashes.set(agent, hash);
    }
  }

  async putRemoteConfig(hash: string, remoteConfig: Uint8Array): Promise<void> {
    this.remoteConfigs.set(hash, Uint8Array.from(remoteConfig));
  }

  async desired(agents: readonly AgentId[]): Promise<(string | null)[]> {
    const held = this.database.heldSince !== null;
    return agents.map((agent) => (held ? null : (this.hashes.get(agent) ?? null)));
  }

  async remoteConfig(hash: string): Promise<Uint8Array | null> {
    return this.remoteConfigs.get(hash) ?? null;
  }

  async keepGeneration(known: DatabaseGeneration | null): Promise<KnownDatabase> {
    const { generation } = this.database;
    const isNewer =
      known !== null &&
      (generation === null || (known.lineage === generation.lineage && known.number > generation.number));
    if (isNewer) this.database = { ...this.database, generation: known };
    return this.database;
  }

  async setHold(generation: DatabaseGeneration, heldSince: number | null): Promise<void> {
    const lastHeldAt = heldSince ?? this.database.lastHeldAt;
    this.database = { generation, heldSince, lastHeldAt };
    if (heldSince !== null) this.seeded = false;
  }

  async isSeeded(): Promise<boolean> {
    return this.seeded;
  }

  async markSeeded(): Promise<void> {
    this.seeded = true;
  }

  async close(): Promise<void> {}
}
