import { setTimeout as sleep } from 'node:timers/promises';

export interface Portions {
  /** How many each portion takes at most. */
  readonly atOnce: number;
  /** Milliseconds between two portions: others get at what is worked on. */
  readonly restMs: number;
  /** Ends the work before its next portion. */
  readonly signal: AbortSignal;
}

/** Has `take` work through much in portions, until one is not full. Answers how many it took in all. */
export async function inPortions(
  take: (atMost: number) => Promise<number>,
  { atOnce, restMs, signal }: Portions,
): Promise<number> {
  let all = 0;
  while (!signal.aborted) {
    const taken = await take(atOnce);
    all += taken;
    if (taken < atOnce) break;
    await sleep(restMs, undefined, { signal }).catch(() => {});
  }
  return all;
}
