import { createClient, type Client } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { Muster } from './muster.ts';

/** A GraphQL subscription that keeps all it was sent. */
export class Live<Data> {
  readonly received: Data[] = [];
  readonly #client: Client;

  private constructor(client: Client) {
    this.#client = client;
  }

  /** Subscribes with the admin key, by the protocol graphql-transport-ws. */
  static async subscribe<Data>(muster: Muster, query: string): Promise<Live<Data>> {
    const authorization = `Bearer ${muster.adminKey}`;
    class Authorized extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols, { headers: { authorization } });
      }
    }
    const client = createClient({
      url: new URL('/graphql', muster.url).href.replace(/^http/, 'ws'),
      webSocketImpl: Authorized,
      connectionParams: { authorization },
      lazy: false,
      retryAttempts: 0,
    });
    const live = new Live<Data>(client);
    await new Promise<void>((resolve, reject) => {
      client.on('connected', () => resolve());
      client.on('error', reject);
    });
    client.subscribe<Data>(
      { query },
      {
        next: ({ data }) => data && live.received.push(data),
        error: () => {},
        complete: () => {},
      },
    );
    return live;
  }

  async stop(): Promise<void> {
    await this.#client.dispose();
  }
}
