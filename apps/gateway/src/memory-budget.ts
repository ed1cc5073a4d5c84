import type { GatewayMetrics } from './gateway-metrics.ts';

/** Bytes of a body that is let through even when the budget is spent: what agents mostly send. */
export const smallBodyBytes = 64 * 1024;

/** Even small ones end somewhere: they may take half as much again. */
const smallShare = 1.5;

/**
 * Bytes of request bodies held at one time, over all exchanges. When they are spent, large bodies are
 * refused, so that those of many agents that send ordinary reports still pass.
 */
export class MemoryBudget {
  readonly #limit: number;
  readonly #metrics: GatewayMetrics;

  constructor(limit: number, metrics: GatewayMetrics) {
    this.#limit = limit;
    this.#metrics = metrics;
  }

  /** Takes `bytes` more for a body that has `already`; false: there is no room, and nothing is taken. */
  take(bytes: number, already: number): boolean {
    const most = this.#limit * (already + bytes > smallBodyBytes ? 1 : smallShare);
    if (this.#metrics.bodyBytes + bytes > most) return false;
    this.#metrics.bodyBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#metrics.bodyBytes -= bytes;
  }
}
