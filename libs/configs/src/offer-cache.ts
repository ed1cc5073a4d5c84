import type { AgentId } from '@muster/agents/agent-id';

/**
 * What each agent should have, where every gateway finds it when an agent comes to it. Postgres is the
 * record; this may be wiped and is rebuilt from there. Adapters: `offer-cache.redis.ts`,
 * `offer-cache.memory.ts`.
 *
 * Writers put the desired hash here first and ask Presence for the holder after; a gateway claims in
 * Presence first and reads here after. So a change reaches a moving agent by one way at least.
 */
export interface OfferCache {
  /** Sets the desired config of agents: `hash` (hex), null for none. */
  setDesired(desired: readonly { agent: AgentId; hash: string | null }[]): Promise<void>;

  /** Keeps an encoded AgentRemoteConfig under its config_hash (hex). */
  putRemoteConfig(hash: string, remoteConfig: Uint8Array): Promise<void>;

  /** The desired hash of each agent, in order; null: nothing to offer. */
  desired(agents: readonly AgentId[]): Promise<(string | null)[]>;

  /** The encoded AgentRemoteConfig, or null when it is not (any more) here. */
  remoteConfig(hash: string): Promise<Uint8Array | null>;

  isSeeded(): Promise<boolean>;
  markSeeded(): Promise<void>;
  close(): Promise<void>;
}
