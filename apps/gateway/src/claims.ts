import type { AgentId } from '@muster/agents/agent-id';
import type { Presence, Session as PresenceSession } from '@muster/agents/presence';
import type { OfferCache } from '@muster/configs/offer-cache';

/** What a gateway knows of an agent when it takes it over. */
export interface Claimed {
  session: PresenceSession;
  /** Hex hash of the config it should have; null: none. */
  desired: string | null;
}

interface Waiting {
  agent: AgentId;
  resolve(claimed: Claimed): void;
  reject(error: unknown): void;
}

const atOnce = 500;

/**
 * Claims agents in batches: one round trip to Presence and one to the offer cache for all that came in
 * while the one before was under way. Presence first: a change of the desired config that the cache read
 * misses then finds this gateway as the holder.
 */
export class Claims {
  readonly #gateway: string;
  readonly #presence: Presence;
  readonly #offerCache: OfferCache;
  #waiting: Waiting[] = [];
  #underWay = false;

  constructor(gateway: string, presence: Presence, offerCache: OfferCache) {
    this.#gateway = gateway;
    this.#presence = presence;
    this.#offerCache = offerCache;
  }

  /** Rejects when Presence or the offer cache cannot be reached. */
  claim(agent: AgentId): Promise<Claimed> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ agent, resolve, reject });
      if (this.#underWay) return;
      this.#underWay = true;
      // Whoever else comes in with this turn of the event loop goes along.
      setImmediate(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) await this.#claimBatch(this.#waiting.splice(0, atOnce));
    this.#underWay = false;
  }

  async #claimBatch(batch: Waiting[]): Promise<void> {
    try {
      const now = Date.now();
      const agents = batch.map(({ agent }) => agent);
      const sessions = await this.#presence.claim(
        this.#gateway,
        agents.map((agent) => ({ agent, now })),
      );
      const desired = await this.#offerCache.desired(agents);
      for (const [i, waiting] of batch.entries()) {
        waiting.resolve({ session: sessions[i]!, desired: desired[i] ?? null });
      }
    } catch (error) {
      for (const waiting of batch) waiting.reject(error);
    }
  }
}
