import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How often to look. */
const intervalMs = 5_000;
/** More events than this within an interval: the burst still goes on. */
const eventsOfBurst = 250;
/** Not worth a pause below this many bytes more than after the last time. */
const worthBytes = 16 * 1024 * 1024;

/**
 * Collects garbage once a burst of agents, or of what they report, is over. V8 keeps what a burst
 * leaves behind, several times what the agents themselves need, until something else needs memory, which
 * heartbeats do not. The pause is that of one collection of a heap that is small then.
 */
export class HeapTrim {
  readonly #timer: NodeJS.Timeout;
  readonly #collect: () => void;
  readonly #events: () => number;
  #eventsBefore = 0;
  #bytesAfterLast = 0;
  #due = false;

  /** `events`: how many agents came and reported so far. */
  constructor(events: () => number) {
    this.#events = events;
    setFlagsFromString('--expose-gc');
    this.#collect = runInNewContext('gc') as () => void;
    this.#bytesAfterLast = bytesHeld();
    this.#timer = setInterval(() => this.#look(), intervalMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const events = this.#events() - this.#eventsBefore;
    this.#eventsBefore += events;
    if (events > eventsOfBurst) {
      this.#due = true;
      return;
    }
    if (!this.#due || bytesHeld() - this.#bytesAfterLast < worthBytes) return;
    this.#due = false;
    this.#collect();
    this.#bytesAfterLast = bytesHeld();
  }
}

/** Of V8 and of buffers outside its heap. */
function bytesHeld(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
