import { useSyncExternalStore } from 'react';
import { relativeTime } from './relative-time.ts';

const tickMilliseconds = 1_000;
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** One timer for every time on the page; only those whose text changed render again. */
function subscribe(listener: () => void) {
  listeners.add(listener);
  timer ??= setInterval(() => {
    for (const each of listeners) each();
  }, tickMilliseconds);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** A time told from now, exact when pointed at. Null: a dash. */
export function TimeAgo({ at }: { at: string | null }) {
  const text = useSyncExternalStore(subscribe, () => at && relativeTime(Date.parse(at), Date.now()));
  if (at === null) return <span className="muted">–</span>;
  return (
    <time dateTime={at} title={new Date(at).toLocaleString()}>
      {text}
    </time>
  );
}
