/**
 * The clock of rollouts: calls back when a rollout is due. Never its memory: what is due is in Postgres
 * and is scheduled again at start, so a lost job costs time and nothing else. Adapters:
 * `batch-queue.bullmq.ts` and `batch-queue.memory.ts` (timers).
 */
export interface BatchQueue {
  /**
   * Asks for a call at `at` (Unix milliseconds; the past means at once). One pending call a rollout: an
   * earlier time replaces a later one, a later one is ignored while an earlier is pending.
   */
  schedule(rolloutId: string, at: number): Promise<void>;

  /**
   * Handles due rollouts, at least once each, one call a rollout at a time over all processes that
   * share the queue. A rejection is tried again after a growing pause.
   */
  work(handle: (rolloutId: string) => Promise<void>): Promise<void>;

  /** Waits for running handlers, then stops. */
  close(): Promise<void>;
}
