import type { Log } from './log.ts';
import type { Running } from '@muster/platform/running';
import { underNoSpan } from './telemetry.ts';

/** Does something now, and again `pauseMs` after each end. A failure is logged; the next turn comes all the same. */
export function regularly(what: string, pauseMs: number, work: () => Promise<void>, log: Log): Running {
  let timer: NodeJS.Timeout | undefined;
  let stopping = false;
  let turn = Promise.resolve();
  const take = (): void => {
    turn = underNoSpan(work)
      .catch((error: unknown) => log.error({ err: error }, `${what} failed; it is tried again`))
      .then(() => {
        if (!stopping) timer = setTimeout(take, pauseMs);
      });
  };
  take();
  return {
    async stop() {
      stopping = true;
      clearTimeout(timer);
      await turn;
    },
  };
}
