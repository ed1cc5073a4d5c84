import type { Random } from './random.ts';

/** Milliseconds. */
const initial = 500;
const longest = 60_000;
const growth = 1.5;
/** A wait is drawn from this share around its mean. */
const spread = 0.5;

/**
 * The waits between attempts to connect, as the reference client's: the first attempt is made at once, then
 * half a second, times 1.5 up to a minute, each drawn from ±50 %. A server's Retry-After is obeyed to the
 * second, without jitter, where it is longer.
 */
export class ReconnectBackoff {
  #mean = initial;

  /** Milliseconds to wait after an attempt that failed. `retryAfterMs`: what the server asked for, or 0. */
  next(random: Random, retryAfterMs: number): number {
    const wait = this.#mean * (1 - spread + 2 * spread * random());
    this.#mean = Math.min(this.#mean * growth, longest);
    return Math.max(wait, retryAfterMs);
  }
}
