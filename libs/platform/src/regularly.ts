import type { Log } from './log.ts';
import type { Running } from '@muster/platform/running';
import { underNoSpan } from './telemetry.ts';

export interface Turns extends Running {
  /** Turns that rest go on after the pause. */
  wake(): void;
}

/**
 * Does something now, and again `pauseMs` after each end, while `isNeeded` (always, when it is not given); then it rests
 * until `wake`. A failure is logged; the next turn comes all the same.
 */
export function regularly(
  what: string,
  pauseMs: number,
  work: () => Promise<void>,
  log: Log,
  isNeeded: () => boolean = () => true,
): Turns {
  let timer: NodeJS.Timeout | undefined;
  let stopping = false;
  let resting = false;
  let turn = Promise.resolve();
  const takeNext = (): void => {
    resting = !isNeeded();
    if (!stopping && !resting) timer = setTimeout(take, pauseMs);
  };
  const take = (): void => {
    turn = underNoSpan(work)
      .catch((error: unknown) => log.error({ err: error }, `${what} failed; it is tried again`))
      .then(takeNext);
  };
  take();
  return {
    wake() {
      if (resting) takeNext();
    },
    async stop() {
      stopping = true;
      clearTimeout(timer);
      await turn;
    },
  };
}
