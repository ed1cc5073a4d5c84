import { Link } from 'react-router';
import type { Fleet } from './fleets.queries.ts';

/** The version a fleet's agents converge to. */
export function StableVersion({ fleet: { configuration, version } }: { fleet: Fleet }) {
  if (configuration === null) return <span className="muted">none yet</span>;
  return (
    <Link to={`/configurations/${configuration}?version=${version}`}>
      {configuration} v{version}
    </Link>
  );
}
