import { cacheExchange, Client, fetchExchange, mapExchange, subscriptionExchange } from 'urql';
import type { Sink } from 'graphql-ws';
import type { LiveConnection } from './live-connection.ts';
import { isSignedOut } from './server-error.ts';

const url = '/graphql';

/** Where subscriptions go: the page's own host. */
export function liveUrl(location: Location): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${url}`;
}

/** A client whose queries go over HTTP and subscriptions over `live`. The session's cookie goes with both. */
export function createGraphqlClient(live: LiveConnection, onSignedOut: () => void): Client {
  return new Client({
    url,
    preferGetMethod: false,
    requestPolicy: 'cache-and-network',
    exchanges: [
      mapExchange({
        onError(error) {
          if (isSignedOut(error)) onSignedOut();
        },
      }),
      cacheExchange,
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: (request) => ({
          subscribe: (sink) => ({
            // The two libraries differ only in whether absent members may be undefined.
            unsubscribe: live.client.subscribe({ ...request, query: request.query ?? '' }, sink as Sink),
          }),
        }),
      }),
    ],
  });
}
