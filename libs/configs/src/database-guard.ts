import type { Log } from '@muster/platform/log';
import type { OfferCache } from './offer-cache.ts';
import { isBehind, showRestore, type DatabaseGeneration, type OfferHold } from './offer-hold.ts';
import type { OfferHolds } from './offer-holds.postgres.ts';

export interface DatabaseGuardDeps {
  readonly holds: OfferHolds;
  readonly offerCache: OfferCache;
  readonly log: Log;
  readonly now: () => number;
  /**
   * Where nothing outside of the database remembers how far it was, agents have so long to show what they run
   * before anything is offered, milliseconds.
   */
  readonly evidenceMs: number;
}

/** Without any word from agents that were connected, offers wait so many times as long. */
const silentTimes = 5;

/**
 * Notices that the database is older than what gateways and agents know: it was restored from a backup, or it is
 * another one. Then nothing is offered until an operator says what counts. The generation is noted in the offer
 * cache, and every gateway remembers it; where all of them have forgotten, agents show what they run.
 */
export class DatabaseGuard {
  readonly #deps: DatabaseGuardDeps;
  #hold: OfferHold | null = null;
  /** Unix milliseconds since when agents may show what they run; null: the generation was known, or they have. */
  #blindSince: number | null = null;

  constructor(deps: DatabaseGuardDeps) {
    this.#deps = deps;
  }

  /** Are offers held, as of the last check? */
  get held(): boolean {
    return this.#hold !== null;
  }

  /** Takes the database one generation on, and compares it with what others know. */
  async check(): Promise<void> {
    const { holds, offerCache } = this.#deps;
    // In this order: what others knew before is older than the step that follows.
    const known = await offerCache.keepGeneration(null);
    const { generation, hold } = await holds.advance();
    if (hold === null && known.generation !== null && isBehind(generation, known.generation)) {
      return this.#notice(generation, known.generation);
    }
    this.#hold = hold;
    if (known.heldSince === (hold?.since.getTime() ?? null) && known.generation !== null) {
      await offerCache.keepGeneration(generation);
      return;
    }
    if (known.generation === null) this.#blindSince = this.#deps.now();
    await offerCache.setHold(generation, hold?.since.getTime() ?? null);
  }

  /**
   * May the offer cache be filled from the database? Not while offers are held, nor before agents had time to
   * show that they are ahead of it.
   */
  async mayOffer(): Promise<boolean> {
    if (this.held) return false;
    if (this.#blindSince === null) return true;
    const { holds, now, evidenceMs } = this.#deps;
    const since = new Date(this.#blindSince);
    const agents = await holds.agentsSince(since);
    const waitedMs = now() - this.#blindSince;
    const heardAll = agents.reported >= agents.connected;
    const waitMs = agents.reported === 0 ? evidenceMs * silentTimes : evidenceMs;
    if (!heardAll && waitedMs < waitMs) return false;
    this.#blindSince = null;
    if (!showRestore(agents)) return true;
    await this.#holdOffers(
      `${agents.unknown} of ${agents.reported} agents run a configuration that this database has never rendered: it is older than they are`,
      0,
    );
    return false;
  }

  async #notice(database: DatabaseGeneration, known: DatabaseGeneration): Promise<void> {
    const { holds, offerCache } = this.#deps;
    const isOther = known.lineage !== database.lineage;
    if (isOther && !(await holds.hasTargets())) return offerCache.setHold(database, null);
    await this.#holdOffers(
      isOther
        ? 'this is another database than the one that gateways and agents knew'
        : `the database was put back: it is at generation ${database.number}, and others have seen ${known.number}`,
      isOther ? 0 : known.number,
    );
  }

  async #holdOffers(reason: string, beyond: number): Promise<void> {
    const { holds, offerCache, log } = this.#deps;
    await holds.hold(reason, beyond);
    const { generation, hold } = await holds.advance();
    this.#hold = hold;
    await offerCache.setHold(generation, hold!.since.getTime());
    log.error(
      { reason },
      'offers are held: the database is older than what gateways and agents know; an operator decides what counts (docs/operations.md)',
    );
  }
}
