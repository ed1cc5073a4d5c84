/** Lets so many through per second: at most one second's worth at once, the rest as time passes. */
export class Pace {
  #tokens: number;
  #updatedAt: number;

  /** `now` in Unix milliseconds, as in `take`. */
  constructor(perSecond: number, now: number) {
    this.#tokens = perSecond;
    this.#updatedAt = now;
  }

  /** How many of `wanted` may go now; they count as gone. */
  take(wanted: number, perSecond: number, now: number): number {
    const refill = (Math.max(0, now - this.#updatedAt) * perSecond) / 1000;
    this.#tokens = Math.min(perSecond, this.#tokens + refill);
    this.#updatedAt = now;
    const taken = Math.min(wanted, Math.floor(this.#tokens));
    this.#tokens -= taken;
    return taken;
  }

  /** Some that were let through did not go after all. */
  giveBack(count: number): void {
    this.#tokens += count;
  }
}
