export interface AdmissionOptions {
  /** How many agents may come in within any second; they may all come at once. */
  perSecond: number;
  /** Seconds; nobody is asked to come back sooner. */
  minRetryAfter: number;
  /** Milliseconds. */
  now?: () => number;
  /** Uniform in [0, 1). */
  random?: () => number;
}

/** The part of the rate that is promised to those who were turned away; the rest is for others who come meanwhile. */
const promised = 0.9;
/** Seconds; nobody is sent away for longer. A backlog that needs more comes back in two goes. */
const longestRetryAfter = 900;
/** For whole seconds, and for the way. */
const lateMs = 5_000;

/**
 * Limits how fast agents come in. Those it turns away are told when to come back, spread evenly over the
 * time it takes to let all of them in: real clients obey Retry-After to the second and add no jitter.
 */
export class Admission {
  readonly #minRetryAfter: number;
  readonly #now: () => number;
  readonly #random: () => number;
  /** When the last `perSecond` agents came in, a ring: the next may come a second after the oldest. */
  readonly #admittedAt: Float64Array;
  #oldest = 0;
  /** Milliseconds between two of those who come back. */
  readonly #spacing: number;
  /** When the last one who was turned away is expected back. */
  #lastExpected = 0;

  constructor(options: AdmissionOptions) {
    this.#minRetryAfter = options.minRetryAfter;
    this.#now = options.now ?? Date.now;
    this.#random = options.random ?? Math.random;
    this.#admittedAt = new Float64Array(options.perSecond).fill(-Infinity);
    this.#spacing = 1_000 / (options.perSecond * promised);
  }

  /** Lets one agent in (null), or answers after how many seconds it should come back. */
  admit(): number | null {
    return this.tryAdmit() ? null : this.turnAway();
  }

  /** Lets one agent in, or nobody. */
  tryAdmit(): boolean {
    const now = this.#now();
    if (now - this.#admittedAt[this.#oldest]! < 1_000) return false;
    this.#admittedAt[this.#oldest] = now;
    this.#oldest = (this.#oldest + 1) % this.#admittedAt.length;
    return true;
  }

  /**
   * After how many whole seconds somebody should come back who comes in too fast. Each gets a place of its
   * own behind the one before, so that a crowd of n is spread evenly over n / perSecond seconds, however
   * it arrives: draws from a window that grows with the crowd would favour its start.
   */
  turnAway(): number {
    const now = this.#now();
    const longest = now + longestRetryAfter * 1_000;
    const place = Math.max(this.#lastExpected + this.#spacing, now + this.#minRetryAfter * 1_000);
    if (place > longest) return this.later(longestRetryAfter);
    this.#lastExpected = place;
    // Rounded at random, so that whole seconds stay as even as the places are.
    return Math.floor((place - now) / 1_000 + this.#random());
  }

  /** Milliseconds within which all who were given a place should be back; 0: nobody is expected any more. */
  returnsWithin(): number {
    const left = this.#lastExpected - this.#now();
    return left > 0 ? left + lateMs : 0;
  }

  /**
   * After how many whole seconds somebody should come back who is sent away for another reason: at random
   * between the least and `most`, without a place of its own.
   */
  later(most = this.#minRetryAfter + 30): number {
    const least = this.#minRetryAfter;
    return least + Math.floor(this.#random() * (Math.max(most, least) - least + 1));
  }
}
