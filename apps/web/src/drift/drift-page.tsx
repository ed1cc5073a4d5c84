import { Link, useSearchParams } from 'react-router';
import { useQuery } from 'urql';
import { agentTitle } from '../agents/agent.ts';
import { agentsSignals } from '../agents/agents.queries.ts';
import { fleetNamesQuery } from '../fleets/fleets.queries.ts';
import { useLiveQuery } from '../live-query.ts';
import { serverErrors } from '../server-error.ts';
import { DataTable, type Column } from '../ui/data-table.tsx';
import { EmptyState } from '../ui/empty-state.tsx';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { Pager } from '../ui/pager.tsx';
import { SelectField } from '../ui/select-field.tsx';
import { StatusChip } from '../ui/status-chip.tsx';
import { TimeAgo } from '../ui/time-ago.tsx';
import { driftQuery } from './drift.queries.ts';
import { driftKinds, driftMeanings, driftWords, type DriftedAgent, type DriftKind } from './drift.ts';
import { RepairState } from './repair-state.tsx';

const columns: Column<DriftedAgent>[] = [
  {
    header: 'Agent',
    cell: ({ agent, name }) => <Link to={`/agents/${agent}`}>{agentTitle({ name, uid: agent })}</Link>,
  },
  {
    header: 'Drift',
    cell: ({ kind }) => (
      <span title={driftMeanings[kind]}>
        <StatusChip tone="warn">{driftWords[kind]}</StatusChip>
      </span>
    ),
  },
  {
    header: 'Fleet',
    cell: ({ fleet }) => fleet !== null && <Link to={`/fleets/${fleet}`}>{fleet}</Link>,
  },
  { header: 'Since', cell: ({ since }) => <TimeAgo at={since} /> },
  { header: 'Repair', cell: (drift) => <RepairState drift={drift} />, kind: 'text' },
  {
    header: 'Missing or different',
    cell: ({ detail }) => detail.length > 0 && <code>{detail.join(', ')}</code>,
    kind: 'text',
  },
];

/** Agents that are not what they should be. The URL narrows them. */
export function DriftPage() {
  const [params] = useSearchParams();
  const kind = driftKinds.find((each) => each === params.get('kind')) ?? null;
  const fleet = params.get('fleet');
  const { data, error } = useLiveQuery(
    driftQuery,
    { kind, fleet, after: params.get('after') },
    agentsSignals,
  );
  const drifted = data?.drift.items ?? [];
  return (
    <>
      <PageHeader title="Drift">
        Agents that are not what they should be. Muster looks for them now and then, and repairs what no
        rollout, quarantine or maintenance window forbids.
      </PageHeader>
      <Filters kind={kind} fleet={fleet} />
      <ErrorNotice errors={serverErrors(error)} />
      {drifted.length > 0 && (
        <>
          <DataTable
            label="Agents that drifted"
            columns={columns}
            rows={drifted}
            rowKey={({ agent, kind: each }) => `${agent} ${each}`}
          />
          <Pager next={data?.drift.next ?? null} summary="Agents that drifted" />
        </>
      )}
      {data && drifted.length === 0 && <EmptyState title="Every agent here is what it should be." />}
    </>
  );
}

function Filters({ kind, fleet }: { kind: DriftKind | null; fleet: string | null }) {
  const [params, setParams] = useSearchParams();
  const [fleets] = useQuery({ query: fleetNamesQuery, variables: {} });
  const choose = (name: string, value: string) => {
    const changed = new URLSearchParams(params);
    changed.delete('after');
    if (value) changed.set(name, value);
    else changed.delete(name);
    setParams(changed, { replace: true });
  };
  return (
    <search className="form-row">
      <SelectField
        label="Drift"
        placeholder="any"
        required={false}
        options={driftKinds.map((each) => ({ value: each, text: driftWords[each] }))}
        value={kind ?? ''}
        onChange={(chosen) => choose('kind', chosen)}
      />
      <SelectField
        label="Fleet"
        placeholder="any"
        required={false}
        options={(fleets.data?.fleets ?? []).map(({ name }) => ({ value: name, text: name }))}
        value={fleet ?? ''}
        onChange={(chosen) => choose('fleet', chosen)}
      />
    </search>
  );
}
