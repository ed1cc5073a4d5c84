import { useEffect, useRef } from 'react';
import { NavLink, Outlet, useLocation } from 'react-router';
import { ErrorBoundary } from './error-boundary.tsx';
import { useLiveState } from './live-query.ts';
import { OfferHoldNotice } from './offer-hold/offer-hold-notice.tsx';
import { useSession } from './session/session.tsx';
import { StatusChip } from './ui/status-chip.tsx';
import './layout.css';

const sections = [
  { to: '/', title: 'Overview' },
  { to: '/agents', title: 'Agents' },
  { to: '/configurations', title: 'Configurations' },
  { to: '/fleets', title: 'Fleets' },
  { to: '/rollouts', title: 'Rollouts' },
  { to: '/quarantines', title: 'Quarantines' },
  { to: '/drift', title: 'Drift' },
  { to: '/enrollment-tokens', title: 'Enrollment tokens' },
  { to: '/audit', title: 'Audit' },
];

/** The frame around every page of who is signed in. */
export function Layout() {
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);

  return (
    <div className="layout">
      <a
        className="skip-link"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to content
      </a>
      <div className="sidebar">
        <NavLink to="/" className="brand">
          <img src="/favicon.svg" alt="" width="26" height="26" />
          Muster
        </NavLink>
        <nav aria-label="Main">
          {sections.map(({ to, title }) => (
            <NavLink key={to} to={to} end={to === '/'} className="nav-link">
              {title}
            </NavLink>
          ))}
        </nav>
        <Account />
      </div>
      <main id="main" ref={main} tabIndex={-1} className="main stack">
        <ScrollToTop key={pathname} />
        <OfferHoldNotice />
        <ErrorBoundary key={`page ${pathname}`}>
          <Outlet />
        </ErrorBoundary>
      </main>
    </div>
  );
}

/** A new page begins at its top. */
function ScrollToTop() {
  useEffect(() => {
    // Its promise, in newer browsers, must not be taken for a clean-up.
    void window.scrollTo(0, 0);
  }, []);
  return null;
}

function Account() {
  const { actor, signOut } = useSession();
  return (
    <div className="account">
      <LiveChip />
      <span className="account-actor" title="Signed in as">
        {actor}
      </span>
      <button type="button" className="button button-small" onClick={signOut}>
        Sign out
      </button>
    </div>
  );
}

function LiveChip() {
  const state = useLiveState();
  return (
    <span role="status">
      {state === 'live' && <StatusChip tone="ok">Live</StatusChip>}
      {state === 'lost' && <StatusChip tone="warn">Reconnecting</StatusChip>}
    </span>
  );
}
