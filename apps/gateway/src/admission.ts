export interface AdmissionOptions {
  /** How many agents may come in each second; bursts of one second's worth pass. */
  perSecond: number;
  /** Seconds; nobody is asked to come back sooner. */
  minRetryAfter: number;
  /** Milliseconds. */
  now?: () => number;
  /** Uniform in [0, 1). */
  random?: () => number;
}

/**
 * Limits how fast agents come in. Those it turns away are told when to come back, spread evenly over the
 * time it takes to let all of them in: real clients obey Retry-After to the second and add no jitter.
 */
export class Admission {
  readonly #perSecond: number;
  readonly #minRetryAfter: number;
  readonly #now: () => number;
  readonly #random: () => number;
  #tokens: number;
  /** Agents turned away that are not back yet, as far as can be known. */
  #backlog = 0;
  #refilledAt: number;

  constructor(options: AdmissionOptions) {
    this.#perSecond = options.perSecond;
    this.#minRetryAfter = options.minRetryAfter;
    this.#now = options.now ?? Date.now;
    this.#random = options.random ?? Math.random;
    this.#tokens = options.perSecond;
    this.#refilledAt = this.#now();
  }

  /** Lets one agent in (null), or answers after how many seconds it should come back. */
  admit(): number | null {
    this.#refill();
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return null;
    }
    return this.turnAway();
  }

  /** After how many whole seconds somebody should come back who is turned away now, whatever the reason. */
  turnAway(): number {
    this.#refill();
    this.#backlog += 1;
    return Math.ceil(this.#minRetryAfter + this.#random() * Math.max(this.#backlog / this.#perSecond, 1));
  }

  #refill(): void {
    const now = this.#now();
    const earned = ((now - this.#refilledAt) / 1_000) * this.#perSecond;
    this.#refilledAt = now;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + earned);
    this.#backlog = Math.max(0, this.#backlog - earned);
  }
}
