import type { AgentId } from '@muster/agents/agent-id';
import type { DatabaseGeneration } from './offer-hold.ts';

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

  /** The desired hash of each agent, in order; null: nothing to offer, or offers are held. */
  desired(agents: readonly AgentId[]): Promise<(string | null)[]>;

  /** The encoded AgentRemoteConfig, or null when it is not (any more) here. */
  remoteConfig(hash: string): Promise<Uint8Array | null>;

  /**
   * Notes the newest generation of the database that the caller knows, unless another lineage is noted, and
   * answers what is known. Every gateway calls it all along, so that a wiped cache learns it again.
   */
  keepGeneration(known: DatabaseGeneration | null): Promise<KnownDatabase>;

  /**
   * From now on this is the generation, and offers are held since `heldSince` (Unix milliseconds), or are made
   * (null). A cache that was held is not seeded any more.
   */
  setHold(generation: DatabaseGeneration, heldSince: number | null): Promise<void>;

  isSeeded(): Promise<boolean>;
  markSeeded(): Promise<void>;
  close(): Promise<void>;
}

/** What is known of the database outside of it. */
export interface KnownDatabase {
  /** Null: this cache is new, or was wiped. */
  readonly generation: DatabaseGeneration | null;
  /** Unix milliseconds; null: offers are made. */
  readonly heldSince: number | null;
  /** When the last hold began, also after its end: what agents reported before may be lost. 0: never. */
  readonly lastHeldAt: number;
}
