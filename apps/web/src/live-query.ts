import { createContext, use, useEffect, useSyncExternalStore } from 'react';
import { useClient, useQuery, type AnyVariables, type DocumentInput, type UseQueryState } from 'urql';
import type { LiveConnection, LiveState } from './live-connection.ts';
import { throttle } from './throttle.ts';

/** Shortest time between two askings of one query. */
const refreshMilliseconds = 1_000;
/** Heartbeats wake no subscription, so last-seen times are asked for now and then. */
const pollMilliseconds = 20_000;

export const LiveContext = createContext<LiveConnection | null>(null);

function useLive(): LiveConnection {
  const live = use(LiveContext);
  if (!live) throw new Error('LiveContext is missing');
  return live;
}

/** How the connection for live updates is. */
export function useLiveState(): LiveState {
  const live = useLive();
  return useSyncExternalStore(
    (listener) => live.onStateChange(listener),
    () => live.state,
  );
}

/** A subscription that says: look again. What it carries is not used. */
export interface Signal {
  query: DocumentInput<unknown, AnyVariables>;
  variables: Record<string, unknown>;
}

/**
 * A query that is asked again when one of `signals` fires, when the live connection came back, and every
 * 20 s while the page is visible; at most once a second. The server filters and sorts, so what is
 * shown is always one of its answers. `data` of the answer before stays while the next is fetched.
 * `signals` must be the same array from render to render.
 */
export function useLiveQuery<Data, Variables extends AnyVariables>(
  query: DocumentInput<Data, Variables>,
  variables: Variables,
  signals: readonly Signal[],
): UseQueryState<Data, Variables> {
  const client = useClient();
  const live = useLive();
  const [state, execute] = useQuery<Data, AnyVariables>({ query: query as DocumentInput<Data>, variables });

  useEffect(() => {
    const { call, stop } = throttle(() => execute({ requestPolicy: 'network-only' }), refreshMilliseconds);
    const poll = setInterval(() => document.visibilityState === 'visible' && call(), pollMilliseconds);
    const stopReturn = live.onReturn(call);
    const subscriptions = signals.map((signal) =>
      client
        .subscription(signal.query, signal.variables)
        .subscribe(({ data }) => data !== undefined && call()),
    );
    return () => {
      stop();
      clearInterval(poll);
      stopReturn();
      for (const subscription of subscriptions) subscription.unsubscribe();
    };
  }, [client, live, execute, signals]);

  return state as UseQueryState<Data, Variables>;
}
