/**
 * Calls `run` at once, and then at most every `milliseconds`, the last call always leading to a run.
 * `stop` drops a run that waits.
 */
export function throttle(run: () => void, milliseconds: number): { call: () => void; stop: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let again = false;

  const start = () => {
    run();
    timer = setTimeout(() => {
      timer = undefined;
      if (!again) return;
      again = false;
      start();
    }, milliseconds);
  };

  return {
    call() {
      if (timer === undefined) start();
      else again = true;
    },
    stop() {
      clearTimeout(timer);
      timer = undefined;
      again = false;
    },
  };
}
