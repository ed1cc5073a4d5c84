/** How far a database has come. Two of different lineages are different databases. */
export interface DatabaseGeneration {
  readonly lineage: string;
  readonly number: number;
}

/** Nothing is offered until an operator has said what counts: the database, or what agents run. */
export interface OfferHold {
  readonly since: Date;
  readonly reason: string;
}

/** How far agents have shown what they run since the hold began. */
export interface OfferHoldAgents {
  readonly connected: number;
  /** Connected ones that have reported since. */
  readonly reported: number;
  /** Of these, those that run something else than the database has them run. */
  readonly differ: number;
  /** Of these, those that run something this database has never rendered. */
  readonly unknown: number;
}

/**
 * What an operator decides: the fleets' stable versions of the database count, and agents that differ are brought to
 * them at their fleet's pace; or agents keep what they run, and fleets of which agents differ have no stable version until
 * a rollout completes.
 */
export const offerHoldDecisions = ['database', 'agents'] as const;
export type OfferHoldDecision = (typeof offerHoldDecisions)[number];

/**
 * Does `known`, which was noted before the database took its last step, show that it has been put back or replaced? A
 * number is given once, so it would be smaller.
 */
export function isBehind(database: DatabaseGeneration, known: DatabaseGeneration): boolean {
  return known.lineage !== database.lineage || known.number >= database.number;
}

/** Agents of which one part in so many runs what the database has never rendered show that it is old. */
const aheadShare = 20;

/** Do so many agents run what the database never rendered that it must have been put back? */
export function showRestore({ reported, unknown }: Pick<OfferHoldAgents, 'reported' | 'unknown'>): boolean {
  return unknown > 0 && unknown * aheadShare >= reported;
}
