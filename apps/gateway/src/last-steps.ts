import type { Log } from '@muster/platform/log';

/** What one step may take, milliseconds: longer than a call of Redis or NATS that hangs. */
const longestStepMs = 6_000;

/** What all steps may take together, milliseconds, with Redis and NATS away. */
export const lastStepsMs = 15_000;

/**
 * The steps of a gateway's end, one after the other: one that fails or hangs (its backend is away) is logged, and
 * the next one has its turn all the same.
 */
export class LastSteps {
  readonly #log: Log;
  readonly #endsAt = Date.now() + lastStepsMs;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Does a step. False: it was not done, or not in time. */
  async take(what: string, step: () => Promise<unknown>): Promise<boolean> {
    const forMs = Math.max(0, Math.min(longestStepMs, this.#endsAt - Date.now()));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not within ${forMs} ms`)), forMs);
    });
    try {
      await Promise.race([step(), late]);
      return true;
    } catch (error) {
      this.#log.warn({ err: error }, `${what} was left out at the end`);
      return false;
    } finally {
      clearTimeout(timer);
    }
  }
}
