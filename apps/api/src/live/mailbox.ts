/**
 * What one subscriber has not taken yet: the newest value of each key, so that a slow subscriber costs no
 * more memory than there are keys. An async iterator, to be read by one reader.
 */
export class Mailbox<K, V, T> implements AsyncIterableIterator<T> {
  readonly #values = new Map<K, V>();
  readonly #take: (values: Map<K, V>) => T;
  readonly #onClose: () => void;
  #waiting: ((result: IteratorResult<T, undefined>) => void) | null = null;
  #closed = false;

  /** @param take removes what one step of the iteration yields; called with at least one value */
  constructor(take: (values: Map<K, V>) => T, onClose: () => void) {
    this.#take = take;
    this.#onClose = onClose;
  }

  put(values: Iterable<readonly [K, V]>): void {
    for (const [key, value] of values) {
      this.#values.delete(key); // so that the newest comes last
      this.#values.set(key, value);
    }
    if (!this.#waiting || this.#values.size === 0) return;
    this.#waiting({ value: this.#take(this.#values), done: false });
    this.#waiting = null;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#closed) return Promise.resolve({ value: undefined, done: true });
    if (this.#values.size > 0) return Promise.resolve({ value: this.#take(this.#values), done: false });
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** Ends the iteration, also for a reader that waits. */
  return(): Promise<IteratorResult<T, undefined>> {
    if (!this.#closed) {
      this.#closed = true;
      this.#values.clear();
      this.#waiting?.({ value: undefined, done: true });
      this.#waiting = null;
      this.#onClose();
    }
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** Takes all values at once. */
export function takeAll<K, V>(values: Map<K, V>): V[] {
  const all = [...values.values()];
  values.clear();
  return all;
}

/** Takes the value that has waited longest. */
export function takeOne<K, V>(values: Map<K, V>): V {
  const key = values.keys().next().value as K;
  const value = values.get(key) as V;
  values.delete(key);
  return value;
}
