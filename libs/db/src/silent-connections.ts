import type { Client, ClientBase } from 'pg';

/**
 * Begins the first statement of a transaction whose statements may take as long as they take, such as migrations
 * and the wait for another process that migrates.
 */
export const patient = '/* patient */ ';

const lookEveryMs = 2_000;

interface Connection {
  /** When the query began that has no answer yet; null: all are answered. */
  since: number | null;
  patient: boolean;
}

/**
 * Cuts connections whose server has not answered a query for too long: it hangs, or what is between swallows every
 * packet. Without it the query, and all that wait for it, would wait for ever.
 */
export class SilentConnections {
  readonly #silenceMs: number;
  readonly #connections = new Map<ClientBase, Connection>();
  #timer: NodeJS.Timeout | null = null;

  constructor(silenceMs: number) {
    this.#silenceMs = silenceMs;
  }

  /** Looks after a new connection until it ends. */
  watch(client: ClientBase): void {
    const state: Connection = { since: null, patient: false };
    this.#connections.set(client, state);
    this.#timer ??= setInterval(() => this.#look(), lookEveryMs).unref();
    const query = client.query.bind(client) as (...asked: unknown[]) => unknown;
    const timed = (asked: unknown, ...rest: unknown[]) => {
      const text = typeof asked === 'string' ? asked : '';
      if (text.startsWith(patient)) state.patient = true;
      else if (text === 'commit' || text === 'rollback') state.patient = false;
      state.since ??= Date.now();
      return query(asked, ...rest);
    };
    client.query = timed as ClientBase['query'];
    client.on('drain', () => (state.since = null));
    client.on('end', () => this.#forget(client));
  }

  #forget(client: ClientBase): void {
    this.#connections.delete(client);
    if (this.#connections.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #look(): void {
    const now = Date.now();
    for (const [client, { since, patient: waits }] of this.#connections) {
      if (since === null || waits || now - since < this.#silenceMs) continue;
      const error = new Error(`PostgreSQL has not answered for ${Math.round((now - since) / 1_000)} s`);
      (client as Client).connection.stream.destroy(error);
    }
  }
}
