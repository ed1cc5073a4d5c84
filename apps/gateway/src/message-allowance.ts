/** How many messages a connection may send. */
export interface MessageRate {
  /** For each agent on it, on average. */
  perSecond: number;
}

/** Seconds' worth that may come at once. */
const burstSeconds = 10;

/**
 * What one connection may still send. It grows with time and with the agents on the connection: one that
 * carries ten thousand may send ten thousand times as much.
 */
export class MessageAllowance {
  readonly #perSecond: number;
  #left: number;
  /** What the message at hand counts as. */
  #count = 1;
  #agents = 1;
  #refilledAt: number;

  /** `now`: milliseconds. */
  constructor({ perSecond }: MessageRate, now: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond * burstSeconds;
    this.#refilledAt = now;
  }

  /** Takes a message that counts as `count`; false: it has to be looked whether there is more by now (`refill`). */
  take(count = 1): boolean {
    this.#count = count;
    this.#left -= count;
    return this.#left >= 0;
  }

  /**
   * Adds what was earned since the last time, and for agents that joined since then as far as `join` lets
   * them in. Answers whether the message that found nothing left may pass after all.
   */
  refill(now: number, agents: number, join: () => boolean): boolean {
    const before = this.#agents;
    while (this.#agents < agents && join()) this.#agents += 1;
    this.#agents = Math.min(this.#agents, Math.max(agents, 1));
    const joined = Math.max(0, this.#agents - before) * burstSeconds;
    const earned = (joined + ((now - this.#refilledAt) / 1_000) * this.#agents) * this.#perSecond;
    this.#refilledAt = now;
    const most = this.#agents * this.#perSecond * burstSeconds;
    // What is not let through is not owed; one that counts as more than is left is let through, and is.
    this.#left = Math.min(this.#left + this.#count + earned, most);
    if (this.#left < 1) return false;
    this.#left -= this.#count;
    return true;
  }
}
