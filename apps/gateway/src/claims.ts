import type { AgentId } from '@muster/agents/agent-id';
import type { Claim, Claimed, Presence } from '@muster/agents/presence';
import type { OfferCache } from '@muster/configs/offer-cache';

/** What became of a claim, and what the agent should have. */
export interface ClaimAnswer {
  claimed: Claimed;
  /** Hex hash of the config it should have; null: none. */
  desired: string | null;
}

/** See Presence. */
export type ClaimTerms = Pick<Claim, 'claimant' | 'isKnown' | 'from'>;

interface Waiting {
  agent: AgentId;
  terms: ClaimTerms;
  resolve(answer: ClaimAnswer): void;
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
  claim(agent: AgentId, terms: ClaimTerms): Promise<ClaimAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ agent, terms, resolve, reject });
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
      const claims = batch.map(({ agent, terms }) => ({ agent, now, ...terms }));
      const answers = await this.#presence.claim(this.#gateway, claims);
      const desired = await this.#offerCache.desired(batch.map(desiredUnder(answers)));
      for (const [i, waiting] of batch.entries()) {
        waiting.resolve({ claimed: answers[i]!, desired: desired[i] ?? null });
      }
    } catch (error) {
      for (const waiting of batch) waiting.reject(error);
    }
  }
}

/** The name under which the offer cache knows an agent: it learns of another with the record. */
function desiredUnder(answers: readonly Claimed[]): (waiting: Waiting, index: number) => AgentId {
  return ({ agent }, index) => {
    const answer = answers[index]!;
    return answer.kind === 'claimed' ? (answer.former ?? agent) : agent;
  };
}
