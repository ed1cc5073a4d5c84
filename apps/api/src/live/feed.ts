import { Mailbox } from './mailbox.ts';
import { Pulse } from './pulse.ts';

interface Subscriber<K, V> {
  key: K | undefined;
  put(values: Iterable<readonly [K, V]>): void;
  return(): Promise<unknown>;
}

export interface FeedOptions<K, V> {
  /** Reads what these keys are now; keys that are gone are missing. One call serves all subscribers. */
  fetch(keys: K[]): Promise<Map<K, V>>;
  onError(error: unknown): void;
  /** Waiting a little lets changes that come together leave together. */
  delayMs?: number;
  /** Between two rounds, and so between two updates of a subscriber. */
  intervalMs?: number;
  /** Keys read in one round; the rest waits for the next. */
  maxBatch?: number;
}

/** Tells subscribers what changed: told of a key, it reads the value once and hands it to who asked for it. */
export class Feed<K, V> {
  readonly #options: Required<FeedOptions<K, V>>;
  readonly #pulse: Pulse;
  readonly #changed = new Set<K>();
  readonly #subscribers = new Set<Subscriber<K, V>>();

  constructor(options: FeedOptions<K, V>) {
    this.#options = { delayMs: 20, intervalMs: 500, maxBatch: 500, ...options };
    this.#pulse = new Pulse(() => this.#round(), this.#options);
  }

  /** Notes that these keys have changed. Costs nothing while nobody subscribes. */
  change(keys: Iterable<K>): void {
    if (this.#subscribers.size === 0) return;
    for (const key of keys) this.#changed.add(key);
    if (this.#changed.size > 0) this.#pulse.ask();
  }

  /** Values as they change from now on; of one key, or of all. `take` says what each step yields. */
  subscribe<T>(take: (values: Map<K, V>) => T, key?: K): AsyncIterableIterator<T> {
    const mailbox = new Mailbox<K, V, T>(take, () => this.#subscribers.delete(subscriber));
    const subscriber: Subscriber<K, V> = {
      key,
      put: (values) => mailbox.put(values),
      return: () => mailbox.return(),
    };
    this.#subscribers.add(subscriber);
    return mailbox;
  }

  /** Ends all subscriptions. */
  async stop(): Promise<void> {
    await this.#pulse.stop();
    for (const subscriber of this.#subscribers) await subscriber.return();
  }

  async #round(): Promise<void> {
    const keys = this.#nextKeys();
    try {
      if (keys.length > 0) this.#hand(await this.#options.fetch(keys));
    } catch (error) {
      this.#options.onError(error);
      this.change(keys);
    }
    if (this.#changed.size > 0) this.#pulse.ask();
  }

  /** Keys somebody waits for in particular come first, then the others in their order. */
  #nextKeys(): K[] {
    const keysOfSubscribers = new Set([...this.#subscribers].map(({ key }) => key));
    const isAsked = (key: K) => keysOfSubscribers.has(undefined) || keysOfSubscribers.has(key);
    for (const key of this.#changed) if (!isAsked(key)) this.#changed.delete(key);
    const first = [...this.#changed].filter((key) => keysOfSubscribers.has(key));
    const keys = [...new Set([...first, ...this.#changed])].slice(0, this.#options.maxBatch);
    for (const key of keys) this.#changed.delete(key);
    return keys;
  }

  #hand(values: Map<K, V>): void {
    for (const subscriber of this.#subscribers) {
      if (subscriber.key === undefined) subscriber.put(values);
      else if (values.has(subscriber.key)) subscriber.put([[subscriber.key, values.get(subscriber.key)!]]);
    }
  }
}
