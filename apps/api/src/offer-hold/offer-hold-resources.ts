import type { Actor } from '@muster/access/actor';
import type { Audit } from '@muster/access/audit.postgres';
import { NoOfferHold } from '@muster/configs/errors';
import type { OfferHoldDecision } from '@muster/configs/offer-hold';
import type { OfferHolds } from '@muster/configs/offer-holds.postgres';
import type { Database } from '@muster/db/schema';
import { transact } from '@muster/db/transaction';
import type { RolloutService } from '@muster/rollouts/rollout-service';
import type { Kysely } from 'kysely';
import { toOfferHoldResource, type OfferHoldRelease, type OfferHoldResource } from './offer-hold-schemas.ts';

/** The hold of offers after the database was put back, and its end. */
export class OfferHoldResources {
  readonly #db: Kysely<Database>;
  readonly #audit: Audit;
  readonly #holds: OfferHolds;
  readonly #rollouts: RolloutService;

  constructor(deps: { db: Kysely<Database>; audit: Audit; holds: OfferHolds; rollouts: RolloutService }) {
    this.#db = deps.db;
    this.#audit = deps.audit;
    this.#holds = deps.holds;
    this.#rollouts = deps.rollouts;
  }

  /** Null: offers are made. */
  async find(): Promise<OfferHoldResource | null> {
    const hold = await this.#holds.find();
    return hold && toOfferHoldResource(hold, await this.#holds.agentsSince(hold.since));
  }

  /**
   * Ends the hold; rollouts that were under way wait for somebody to resume them.
   * @throws NoOfferHold
   */
  async release(actor: Actor, decision: OfferHoldDecision): Promise<OfferHoldRelease> {
    return transact(this.#db, async (tx) => {
      const hold = await this.#holds.find(tx.db);
      if (!hold) throw new NoOfferHold();
      const rollouts = await this.#rollouts.stopAll(
        tx,
        actor,
        'the database was put back while this was under way: resume or abort it',
      );
      const released = await this.#holds.release(tx, decision);
      if (!released) throw new NoOfferHold();
      const detail = { decision, reason: hold.reason, ...released, rollouts };
      await this.#audit.record(tx, { actor, action: 'offers.release', resource: 'offer-hold', detail });
      return { ...released, rollouts };
    });
  }
}
