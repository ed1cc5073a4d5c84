import type { OfferCache } from '@muster/configs/offer-cache';
import type { DatabaseGeneration } from '@muster/configs/offer-hold';
import type { FullStateRequests } from './full-state-requests.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';

/** So long after a hold began gateways may not have heard of it: they look with each renewal of their lease. */
const heardWithinMs = 15_000;

/**
 * Remembers how far the database was, which shows when it has been put back (`DatabaseGuard`). While offers are
 * held for that, this gateway offers nothing; and every agent is asked once for its full state, since the
 * database lost what was reported before.
 */
export class DatabaseWatch {
  readonly #offerCache: OfferCache;
  readonly #sessions: Sessions;
  readonly #fullState: FullStateRequests;
  #known: DatabaseGeneration | null = null;
  #lastHeldAt: number | null = null;

  constructor(offerCache: OfferCache, sessions: Sessions, fullState: FullStateRequests) {
    this.#offerCache = offerCache;
    this.#sessions = sessions;
    this.#fullState = fullState;
  }

  /** Looks once. Rejects when the offer cache cannot be reached. */
  async look(): Promise<void> {
    const { generation, lastHeldAt } = await this.#offerCache.keepGeneration(this.#known);
    this.#known = generation;
    const before = this.#lastHeldAt;
    // A cache that was wiped has forgotten it.
    this.#lastHeldAt = Math.max(before ?? 0, lastHeldAt);
    if (before === null || this.#lastHeldAt === before) return;
    for (const session of this.#sessions.all()) {
      session.desired = null;
      this.#fullState.owe(session);
    }
  }

  /** The agent is taken over; `lastSeen`: when it was last heard before, Unix milliseconds. */
  adopted(session: Session, lastSeen: number): void {
    if (lastSeen >= (this.#lastHeldAt ?? 0) + heardWithinMs) return;
    if (this.#lastHeldAt) this.#fullState.owe(session);
  }
}
