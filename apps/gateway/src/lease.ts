import type { Presence } from '@muster/agents/presence';
import type { Log } from '@muster/platform/log';

export interface LeaseOptions {
  gateway: string;
  ttlMs: number;
  presence: Presence;
  log: Log;
  /** Milliseconds within which all should be back who were turned away here; 0: nobody is expected. */
  returnsWithin: () => number;
  /** What else is to be done with each renewal. */
  onRenewed: () => Promise<void>;
  /** The lease had run out, or Presence was wiped: others may have counted this gateway's agents as gone. */
  onLapsed: () => void;
}

/** Tells Presence all along that this gateway lives, and of its queue, three times in each lease. */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #timer: NodeJS.Timeout;
  private constructor(options: LeaseOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#renew(), options.ttlMs / 3);
  }

  /** Takes the lease; rejects when Presence cannot be reached. */
  static async take(options: LeaseOptions): Promise<Lease> {
    await options.presence.renewLease(options.gateway, options.ttlMs);
    return new Lease(options);
  }

  /** Gives the lease back. */
  async end(): Promise<void> {
    this.letRunOut();
    await this.#options.presence.endLease(this.#options.gateway);
  }

  /** Renews it no more: it runs out, and what this gateway still holds is then looked after as if it had died. */
  letRunOut(): void {
    clearInterval(this.#timer);
  }

  async #renew(): Promise<void> {
    const { gateway, ttlMs, presence, log, returnsWithin, onRenewed, onLapsed } = this.#options;
    try {
      const expectedMs = returnsWithin();
      if (expectedMs > 0) await presence.expectReturns(expectedMs);
      // Presence tells, not the clock: it may have been wiped.
      if (!(await presence.renewLease(gateway, ttlMs))) onLapsed();
      await onRenewed();
    } catch (error) {
      log.warn({ err: error }, 'the lease could not be renewed');
    }
  }
}
