import { useSyncExternalStore } from 'react';
import { relativeTime } from './relative-time.ts';

const tickMilliseconds = 5_000;
const listeners = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

/** One timer for every time on the page. */
function subscribe(listener: () => void) {
  listeners.add(listener);
  timer ??= setInterval(tick, tickMilliseconds);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function tick() {
  now = Date.now();
  for (const listener of listeners) listener();
}

/** A time told from now, exact when pointed at. Null: a dash. */
export function TimeAgo({ at }: { at: string | null }) {
  useSyncExternalStore(subscribe, () => now);
  if (at === null) return <span className="muted">–</span>;
  return (
    <time dateTime={at} title={new Date(at).toLocaleString()}>
      {relativeTime(Date.parse(at), Date.now())}
    </time>
  );
}
