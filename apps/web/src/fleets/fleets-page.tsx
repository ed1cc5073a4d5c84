import { Link } from 'react-router';
import { ConfigurationCounts } from '../agents/configuration-counts.tsx';
import { agentsSignals } from '../agents/agents.queries.ts';
import { useLiveQuery } from '../live-query.ts';
import { RolloutStateChip } from '../rollouts/rollout-chips.tsx';
import { rolloutsSignals } from '../rollouts/rollouts.queries.ts';
import { serverErrors } from '../server-error.ts';
import { DataTable, type Column } from '../ui/data-table.tsx';
import { EmptyState } from '../ui/empty-state.tsx';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { fleetsQuery, type Fleet } from './fleets.queries.ts';
import { StableVersion } from './stable-version.tsx';

const columns: Column<Fleet>[] = [
  { header: 'Name', cell: ({ name }) => <Link to={`/fleets/${name}`}>{name}</Link> },
  { header: 'Agents', cell: ({ agents }) => agents.toLocaleString(), kind: 'number' },
  { header: 'Connected', cell: ({ connected }) => connected.toLocaleString(), kind: 'number' },
  { header: 'Stable version', cell: (fleet) => <StableVersion fleet={fleet} /> },
  { header: 'Configuration status', cell: ({ counts }) => <ConfigurationCounts counts={counts} /> },
  {
    header: 'Rollout',
    cell: ({ rollout }) =>
      rollout && (
        <Link
          to={`/rollouts/${rollout.id}`}
          aria-label={`Rollout of ${rollout.configuration} v${rollout.version}`}
        >
          <RolloutStateChip state={rollout.state} />
        </Link>
      ),
  },
  { header: 'Priority', cell: ({ priority }) => priority, kind: 'number' },
  { header: 'Selector', cell: ({ selector }) => <code>{selector || 'every agent'}</code>, kind: 'text' },
];

const signals = [...agentsSignals, ...rolloutsSignals];

/** All fleets. */
export function FleetsPage() {
  const { data, error } = useLiveQuery(fleetsQuery, {}, signals);
  return (
    <>
      <PageHeader
        title="Fleets"
        actions={
          <Link className="button button-primary" to="/create/fleet">
            New fleet
          </Link>
        }
      />
      <ErrorNotice errors={serverErrors(error)} />
      {data && data.fleets.length > 0 && (
        <DataTable label="Fleets" columns={columns} rows={data.fleets} rowKey={({ name }) => name} />
      )}
      {data?.fleets.length === 0 && (
        <EmptyState title="No fleets yet">
          <p>
            A fleet is a selector with a name. An agent belongs to the fleet with the highest priority that
            matches it. Rollouts go to fleets.
          </p>
        </EmptyState>
      )}
    </>
  );
}
