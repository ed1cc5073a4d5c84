import { Link } from 'react-router';
import { useQuery } from 'urql';
import { serverErrors } from '../server-error.ts';
import { DataTable, type Column } from '../ui/data-table.tsx';
import { EmptyState } from '../ui/empty-state.tsx';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { TimeAgo } from '../ui/time-ago.tsx';
import { configurationsQuery, type ConfigurationSummary } from './configurations.queries.ts';

const columns: Column<ConfigurationSummary>[] = [
  { header: 'Name', cell: ({ name }) => <Link to={`/configurations/${name}`}>{name}</Link> },
  { header: 'Latest', cell: ({ latest }) => `v${latest.version}` },
  { header: 'Changed', cell: ({ latest }) => <TimeAgo at={latest.createdAt} /> },
  { header: 'By', cell: ({ latest }) => latest.createdBy },
  { header: 'Description', cell: ({ description }) => description, kind: 'text' },
];

/** All configurations. */
export function ConfigurationsPage() {
  const [{ data, error }] = useQuery({ query: configurationsQuery, variables: {} });
  return (
    <>
      <PageHeader
        title="Configurations"
        actions={
          <Link className="button button-primary" to="/create/configuration">
            New configuration
          </Link>
        }
      />
      <ErrorNotice errors={serverErrors(error)} />
      {data && data.configurations.length > 0 && (
        <DataTable
          label="Configurations"
          columns={columns}
          rows={data.configurations}
          rowKey={({ name }) => name}
        />
      )}
      {data?.configurations.length === 0 && (
        <EmptyState title="No configurations yet">
          <p>
            A configuration is collector YAML with a name. Its versions never change; a rollout brings one to
            a fleet.
          </p>
        </EmptyState>
      )}
    </>
  );
}
