/**
 * What came of a row over one transport:
 * - `met`: the server did what the rule asks.
 * - `notMet`: it did not; `seen` tells what happened instead.
 * - `missed`: it kept what is required, but not what is recommended (SHOULD).
 * - `notOffered`: it does not do this, and says so or may leave it out.
 * - `notTestable`: nothing on the wire shows it, or someone would have to act on the server.
 */
export type Verdict = 'met' | 'notMet' | 'missed' | 'notOffered' | 'notTestable';

export interface Outcome {
  verdict: Verdict;
  /** What was seen, or why the row was not run; empty when met. */
  seen: string;
}

/** The server did not do what the rule asks. */
export class NotMet extends Error {
  readonly verdict: Verdict = 'notMet';
}

/** The server left out what the rule only recommends. */
export class Missed extends Error {
  readonly verdict: Verdict = 'missed';
}

/** The server truthfully does not do this. */
export class NotOffered extends Error {
  readonly verdict: Verdict = 'notOffered';
}

/** The suite cannot see it on this server, as it was started. */
export class NotTestable extends Error {
  readonly verdict: Verdict = 'notTestable';
}

/** Throws `NotMet` with what was seen unless the condition holds. */
export function check(condition: unknown, seen: string): asserts condition {
  if (!condition) throw new NotMet(seen);
}

/** Throws `Missed` with what was seen unless the condition holds. */
export function recommend(condition: unknown, seen: string): asserts condition {
  if (!condition) throw new Missed(seen);
}

/** The outcome of a row that threw. What no row expected, a broken connection for one, counts as not met. */
export function outcomeOf(error: unknown): Outcome {
  if (
    error instanceof NotMet ||
    error instanceof Missed ||
    error instanceof NotOffered ||
    error instanceof NotTestable
  ) {
    return { verdict: error.verdict, seen: error.message };
  }
  return { verdict: 'notMet', seen: error instanceof Error ? error.message : String(error) };
}
