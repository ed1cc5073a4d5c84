import { createContext, use, useCallback, useEffect, useMemo, useState, type ReactNode } from 'react';
import { Provider, type Client } from 'urql';
import { createGraphqlClient, liveUrl } from '../graphql-client.ts';
import { LiveConnection } from '../live-connection.ts';
import { LiveContext } from '../live-query.ts';
import { readSession, signOut, type SignedIn } from './session-api.ts';
import { SignInPage } from './sign-in-page.tsx';

type State =
  | { kind: 'asking' }
  | { kind: 'signedOut'; message: string | null }
  | { kind: 'signedIn'; actor: string; live: LiveConnection; client: Client };

export interface Session {
  actor: string;
  signOut: () => void;
}

const SessionContext = createContext<Session | null>(null);

/** Who is signed in. Only below SessionGate. */
export function useSession(): Session {
  const session = use(SessionContext);
  if (!session) throw new Error('SessionGate is missing');
  return session;
}

/** Shows its children to who is signed in, and the sign-in page to everybody else. */
export function SessionGate({ children }: { children: ReactNode }) {
  const [state, setState] = useState<State>({ kind: 'asking' });

  const leave = useCallback((message: string | null) => {
    setState((current) => {
      if (current.kind === 'signedIn') current.live.close();
      return { kind: 'signedOut', message };
    });
  }, []);

  const enter = useCallback(
    ({ actor }: SignedIn) => {
      const end = () => leave('Your session has ended. Please sign in again.');
      const live = new LiveConnection(liveUrl(window.location), end);
      const client = createGraphqlClient(live, end);
      setState({ kind: 'signedIn', actor, live, client });
    },
    [leave],
  );

  useEffect(() => {
    readSession().then(
      (session) => (session ? enter(session) : leave(null)),
      (error: Error) => leave(error.message),
    );
  }, [enter, leave]);

  if (state.kind === 'asking') return null;
  if (state.kind === 'signedOut') return <SignInPage notice={state.message} onSignedIn={enter} />;
  return (
    <SignedInProviders
      key={state.actor}
      state={state}
      onSignOut={() => void signOut().finally(() => leave(null))}
    >
      {children}
    </SignedInProviders>
  );
}

function SignedInProviders({
  state,
  onSignOut,
  children,
}: {
  state: Extract<State, { kind: 'signedIn' }>;
  onSignOut: () => void;
  children: ReactNode;
}) {
  const session = useMemo(() => ({ actor: state.actor, signOut: onSignOut }), [state.actor, onSignOut]);
  return (
    <SessionContext value={session}>
      <LiveContext value={state.live}>
        <Provider value={state.client}>{children}</Provider>
      </LiveContext>
    </SessionContext>
  );
}
