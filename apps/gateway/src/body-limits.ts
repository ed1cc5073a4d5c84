import type { MemoryBudget } from './memory-budget.ts';

/** How much a request's body may take: of memory, alone and with all others, and of time. */
export interface BodyLimits {
  maxBytes: number;
  budget: MemoryBudget;
  /** Milliseconds from the first piece to the last. */
  timeoutMs: number;
}

/** How long a client may go on sending after its answer, milliseconds. */
export const longestDiscardMs = 10_000;
