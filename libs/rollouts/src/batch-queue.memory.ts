import type { DeadLetters } from '@muster/messages/dead-letters';
import { describeFailure, placeOf } from '@muster/messages/failures';
import { silentLog, type Log } from '@muster/platform/log';
import type { BatchQueue } from './batch-queue.ts';
import { FailedSteps, inPatience, isWorthATry, stepPatienceMs, type KnownLetters } from './failed-steps.ts';

export interface MemoryBatchQueueOptions {
  log?: Log;
  /** Pause after the first failure of a rollout; doubles up to a minute. Default 500. */
  retryPauseMs?: number;
  /** How long a step may take. Default five minutes. */
  patienceMs?: number;
  /** Where steps that fail again and again are told of; left out: they are tried for ever. */
  deadLetters?: DeadLetters;
}

/** The clock of the all-in-one process: timers. Calls that are due before `work` wait for it. */
export function createMemoryBatchQueue(options: MemoryBatchQueueOptions = {}): BatchQueue {
  return new MemoryBatchQueue(options);
}

const maxRetryPauseMs = 60_000;
/** Timers take no longer delays; a call further away is set anew when this has passed. */
const maxTimerMs = 2 ** 31 - 1;

interface Pending {
  at: number;
  timer: NodeJS.Timeout;
}

class MemoryBatchQueue implements BatchQueue {
  private readonly pending = new Map<string, Pending>();
  private readonly running = new Map<string, Promise<void>>();
  private readonly failures = new Map<string, number>();
  private handle: ((rolloutId: string) => Promise<void>) | null = null;
  private closed = false;

  private readonly log: Log;
  private readonly retryPauseMs: number;
  private readonly patienceMs: number;
  private readonly failedSteps: FailedSteps | null;

  constructor(options: MemoryBatchQueueOptions) {
    this.log = options.log ?? silentLog;
    this.retryPauseMs = options.retryPauseMs ?? 500;
    this.patienceMs = options.patienceMs ?? stepPatienceMs;
    this.failedSteps = options.deadLetters ? new FailedSteps(options.deadLetters, lettersInMemory()) : null;
  }

  async schedule(rolloutId: string, at: number): Promise<void> {
    if (this.closed) throw new Error('the batch queue is closed');
    const known = this.pending.get(rolloutId);
    if (known && known.at <= at) return;
    clearTimeout(known?.timer);
    this.setTimer(rolloutId, at);
  }

  async work(handle: (rolloutId: string) => Promise<void>): Promise<void> {
    this.handle = handle;
    for (const rolloutId of this.pending.keys()) this.callIfDue(rolloutId);
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const { timer } of this.pending.values()) clearTimeout(timer);
    this.pending.clear();
    await Promise.all(this.running.values());
  }

  private setTimer(rolloutId: string, at: number): void {
    const delay = Math.min(Math.max(at - Date.now(), 0), maxTimerMs);
    this.pending.set(rolloutId, { at, timer: setTimeout(() => this.callIfDue(rolloutId), delay) });
  }

  private callIfDue(rolloutId: string): void {
    const due = this.pending.get(rolloutId);
    if (!due || !this.handle || this.running.has(rolloutId)) return;
    clearTimeout(due.timer);
    if (due.at > Date.now()) return this.setTimer(rolloutId, due.at);
    this.pending.delete(rolloutId);
    const call = this.call(rolloutId, this.handle).finally(() => {
      this.running.delete(rolloutId);
      if (!this.closed) this.callIfDue(rolloutId);
    });
    this.running.set(rolloutId, call);
  }

  private async call(rolloutId: string, handle: (rolloutId: string) => Promise<void>): Promise<void> {
    try {
      await inPatience(handle(rolloutId), this.patienceMs);
      this.failures.delete(rolloutId);
      await this.failedSteps?.succeeded(rolloutId);
    } catch (error) {
      const failures = (this.failures.get(rolloutId) ?? 0) + 1;
      this.failures.set(rolloutId, failures);
      const detail = { error: describeFailure(error), at: placeOf(error), rolloutId, failures };
      if (this.failedSteps && !isWorthATry(error, failures)) {
        this.log.warn(detail, 'a rollout step fails again and again');
        return this.failedSteps.setAside(rolloutId, error, failures);
      }
      const pause = Math.min(this.retryPauseMs * 2 ** (failures - 1), maxRetryPauseMs);
      this.log.warn({ ...detail, pause }, 'a rollout step failed; it is tried again');
      if (!this.closed) await this.schedule(rolloutId, Date.now() + pause);
    }
  }
}

function lettersInMemory(): KnownLetters {
  const letters = new Map<string, string>();
  return {
    get: async (rolloutId) => letters.get(rolloutId) ?? null,
    set: async (rolloutId, letter) => void letters.set(rolloutId, letter),
    delete: async (rolloutId) => void letters.delete(rolloutId),
  };
}
