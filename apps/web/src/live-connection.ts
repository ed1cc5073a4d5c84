import { createClient, type Client } from 'graphql-ws';

export type LiveState = 'idle' | 'connecting' | 'live' | 'lost';

/** Close codes of graphql-transport-ws for a credential that does not hold, or no longer. */
const refusedCodes = [4401, 4403];
const keepAliveMilliseconds = 12_000;
const pongMilliseconds = 6_000;
const longestRetryMilliseconds = 5_000;
/** A page's subscriptions may end just before the next page's begin. */
const lazyCloseMilliseconds = 10_000;

/** The WebSocket that subscriptions share: it reconnects by itself and says how it is. */
export class LiveConnection {
  readonly client: Client;
  #state: LiveState = 'idle';
  readonly #stateListeners = new Set<() => void>();
  readonly #returnListeners = new Set<() => void>();
  #pongTimer: ReturnType<typeof setTimeout> | undefined;

  /** `onRefused` is told when the server does not know who is asking. */
  constructor(url: string, onRefused: () => void) {
    this.client = createClient({
      url,
      lazyCloseTimeout: lazyCloseMilliseconds,
      keepAlive: keepAliveMilliseconds,
      retryAttempts: Infinity,
      shouldRetry: (event) => !isRefusal(event),
      retryWait: (retries) => wait(Math.min(500 * 2 ** retries, longestRetryMilliseconds)),
      on: {
        connecting: (isRetry) => this.#become(isRetry ? 'lost' : 'connecting'),
        connected: (_socket, _payload, wasRetry) => {
          this.#become('live');
          if (wasRetry) for (const listener of this.#returnListeners) listener();
        },
        closed: (event) => {
          this.#become((event as CloseEvent).code === 1000 ? 'idle' : 'lost');
          if (isRefusal(event)) onRefused();
        },
        ping: (received) => {
          if (!received) this.#pongTimer = setTimeout(() => this.client.terminate(), pongMilliseconds);
        },
        pong: () => clearTimeout(this.#pongTimer),
      },
    });
  }

  get state(): LiveState {
    return this.#state;
  }

  /** Calls back on every change of `state`. Returns how to stop. */
  onStateChange(listener: () => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  /** Calls back when the connection is there again: events may have been missed meanwhile. */
  onReturn(listener: () => void): () => void {
    this.#returnListeners.add(listener);
    return () => this.#returnListeners.delete(listener);
  }

  close(): void {
    clearTimeout(this.#pongTimer);
    void this.client.dispose();
  }

  #become(state: LiveState) {
    if (state !== 'live') clearTimeout(this.#pongTimer);
    this.#state = state;
    for (const listener of this.#stateListeners) listener();
  }
}

function isRefusal(event: unknown): boolean {
  return refusedCodes.includes((event as Partial<CloseEvent>).code ?? 0);
}

/** Waits up to `milliseconds`, but never less than half: many tabs do not come back in one moment. */
function wait(milliseconds: number) {
  return new Promise<void>((resolve) => setTimeout(resolve, milliseconds * (0.5 + Math.random() / 2)));
}
