import { Link, useSearchParams } from 'react-router';
import { useLiveQuery } from '../live-query.ts';
import { serverErrors } from '../server-error.ts';
import { EmptyState } from '../ui/empty-state.tsx';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { Pager } from '../ui/pager.tsx';
import { RolloutTable } from './rollout-table.tsx';
import { rolloutsSignals, rolloutsQuery } from './rollouts.queries.ts';

const pageSize = 50;

/** All rollouts, newest first. `fleet` in the URL narrows them. */
export function RolloutsPage() {
  const [params] = useSearchParams();
  const fleet = params.get('fleet');
  const { data, error } = useLiveQuery(
    rolloutsQuery,
    { fleet, limit: pageSize, after: params.get('after') },
    rolloutsSignals,
  );
  const rollouts = data?.rollouts.items ?? [];
  return (
    <>
      <PageHeader
        title={fleet ? `Rollouts of ${fleet}` : 'Rollouts'}
        {...(fleet && { parent: { to: `/fleets/${fleet}`, title: fleet } })}
        actions={
          <Link
            className="button button-primary"
            to={fleet ? `/create/rollout?fleet=${fleet}` : '/create/rollout'}
          >
            New rollout
          </Link>
        }
      />
      <ErrorNotice errors={serverErrors(error)} />
      {rollouts.length > 0 && (
        <>
          <RolloutTable label="Rollouts" rollouts={rollouts} />
          <Pager next={data?.rollouts.next ?? null} summary="Newest first" />
        </>
      )}
      {data && rollouts.length === 0 && (
        <EmptyState title="No rollouts yet">
          <p>
            A rollout brings one version of a configuration to the agents of a fleet, wave by wave, and stops
            when too many of them fail.
          </p>
        </EmptyState>
      )}
    </>
  );
}
