import type { AgentId } from '@muster/agents/agent-id';
import type { OfferCache } from './offer-cache.ts';

/** The offer cache of the all-in-one process. */
export function createMemoryOfferCache(): OfferCache {
  return new MemoryOfferCache();
}

class MemoryOfferCache implements OfferCache {
  private readonly hashes = new Map<AgentId, string>();
  private readonly remoteConfigs = new Map<string, Uint8Array>();
  private seeded = false;

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
    return agents.map((agent) => this.hashes.get(agent) ?? null);
  }

  async remoteConfig(hash: string): Promise<Uint8Array | null> {
    return this.remoteConfigs.get(hash) ?? null;
  }

  async isSeeded(): Promise<boolean> {
    return this.seeded;
  }

  async markSeeded(): Promise<void> {
    this.seeded = true;
  }

  async close(): Promise<void> {}
}
