import { useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { useMutation } from 'urql';
import { agentsPath } from '../agents/agent-filters.ts';
import { agentsSignals } from '../agents/agents.queries.ts';
import { ConfigurationCounts } from '../agents/configuration-counts.tsx';
import { useLiveQuery } from '../live-query.ts';
import { NotFoundPage } from '../not-found-page.tsx';
import { RolloutTable } from '../rollouts/rollout-table.tsx';
import { rolloutsSignals, rolloutsQuery } from '../rollouts/rollouts.queries.ts';
import { serverErrors } from '../server-error.ts';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { EmptyState } from '../ui/empty-state.tsx';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { KeyValues } from '../ui/key-values.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { Panel } from '../ui/panel.tsx';
import { deleteFleetMutation, fleetQuery, type Fleet } from './fleets.queries.ts';
import { StableVersion } from './stable-version.tsx';
import { VariablesPanel } from './variables-panel.tsx';

const recentRollouts = 10;
const signals = [...agentsSignals, ...rolloutsSignals];

/** One fleet: its agents counted, its stable version, its rollouts. */
export function FleetPage() {
  const { name = '' } = useParams();
  const { data, error } = useLiveQuery(fleetQuery, { name }, signals);
  const errors = serverErrors(error);
  if (errors.some(({ code }) => code === 'unknown-fleet') || (data && !data.fleet)) {
    return <NotFoundPage what="fleet" />;
  }
  return (
    <>
      <ErrorNotice errors={errors} />
      {data?.fleet && <FleetSections fleet={data.fleet} />}
    </>
  );
}

function FleetSections({ fleet }: { fleet: Fleet }) {
  return (
    <>
      <PageHeader
        title={fleet.name}
        parent={{ to: '/fleets', title: 'Fleets' }}
        actions={
          <>
            <DeleteFleet name={fleet.name} />
            <Link className="button" to={`/fleets/${fleet.name}/edit`}>
              Edit
            </Link>
            <Link className="button button-primary" to={`/create/rollout?fleet=${fleet.name}`}>
              New rollout
            </Link>
          </>
        }
      />
      <div className="columns">
        <Panel title="Members">
          <KeyValues
            entries={[
              [
                'Agents',
                <Link key="agents" to={agentsPath({ fleet: fleet.name })}>
                  {fleet.agents.toLocaleString()}
                </Link>,
              ],
              ['Connected', fleet.connected.toLocaleString()],
              ['Selector', <code key="selector">{fleet.selector || 'every agent'}</code>],
              ...(fleet.tokens ? [['Only tokens', fleet.tokens.join(', ')] as [string, string]] : []),
              ['Priority', fleet.priority],
            ]}
          />
        </Panel>
        <Panel title="Configuration">
          <KeyValues entries={[['Stable version', <StableVersion key="stable" fleet={fleet} />]]} />
          <ConfigurationCounts counts={fleet.counts} />
        </Panel>
      </div>
      <VariablesPanel fleet={fleet} />
      <RecentRollouts fleet={fleet.name} />
    </>
  );
}

function RecentRollouts({ fleet }: { fleet: string }) {
  const { data, error } = useLiveQuery(
    rolloutsQuery,
    { fleet, limit: recentRollouts, after: null },
    rolloutsSignals,
  );
  const rollouts = data?.rollouts.items ?? [];
  return (
    <Panel
      title="Rollouts"
      aside={data?.rollouts.next && <Link to={`/rollouts?fleet=${fleet}`}>All rollouts</Link>}
    >
      <ErrorNotice errors={serverErrors(error)} />
      {rollouts.length > 0 && <RolloutTable label={`Rollouts of ${fleet}`} rollouts={rollouts} />}
      {data && rollouts.length === 0 && (
        <EmptyState title="No rollouts yet">
          <p>
            <Link to={`/create/rollout?fleet=${fleet}`}>Roll out a configuration</Link> to give this fleet its
            first stable version.
          </p>
        </EmptyState>
      )}
    </Panel>
  );
}

function DeleteFleet({ name }: { name: string }) {
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  const [{ fetching, error }, remove] = useMutation(deleteFleetMutation);
  const confirm = async () => {
    const result = await remove({ name });
    if (!result.error) await navigate('/fleets');
  };
  return (
    <>
      <button type="button" className="button button-danger" onClick={() => setAsking(true)}>
        Delete
      </button>
      {asking && (
        <ConfirmDialog
          title={`Delete fleet ${name}?`}
          action="Delete fleet"
          busy={fetching}
          errors={serverErrors(error)}
          onConfirm={() => void confirm()}
          onCancel={() => setAsking(false)}
        >
          <p>
            Its agents go to other fleets that match them, or to none. The history of its rollouts is deleted,
            too.
          </p>
        </ConfirmDialog>
      )}
    </>
  );
}
