import type { Presence } from '@muster/agents/presence';
import type { Log } from '@muster/platform/log';

export interface LeaseOptions {
  gateway: string;
  ttlMs: number;
  presence: Presence;
  log: Log;
  /** The lease had run out: others may have counted this gateway's agents as gone. */
  onLapsed: () => void;
}

/** Tells Presence all along that this gateway lives, three times in each lease. */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #timer: NodeJS.Timeout;
  #renewedAt: number;

  private constructor(options: LeaseOptions) {
    this.#options = options;
    this.#renewedAt = Date.now();
    this.#timer = setInterval(() => void this.#renew(), options.ttlMs / 3);
  }

  /** Takes the lease; rejects when Presence cannot be reached. */
  static async take(options: LeaseOptions): Promise<Lease> {
    await options.presence.renewLease(options.gateway, options.ttlMs);
    return new Lease(options);
  }

  /** Gives the lease back. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#options.presence.endLease(this.#options.gateway);
  }

  async #renew(): Promise<void> {
    const { gateway, ttlMs, presence, log, onLapsed } = this.#options;
    try {
      await presence.renewLease(gateway, ttlMs);
    } catch (error) {
      log.warn({ err: error }, 'the lease could not be renewed');
      return;
    }
    const lapsed = Date.now() - this.#renewedAt > ttlMs;
    this.#renewedAt = Date.now();
    if (lapsed) onLapsed();
  }
}
