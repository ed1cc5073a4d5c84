import { Link, useSearchParams } from 'react-router';
import { useLiveQuery } from '../live-query.ts';
import { byField } from '../server-error.ts';
import { Breakable } from '../ui/breakable.tsx';
import { DataTable, type Column } from '../ui/data-table.tsx';
import { EmptyState } from '../ui/empty-state.tsx';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { Pager } from '../ui/pager.tsx';
import { TimeAgo } from '../ui/time-ago.tsx';
import { AgentStatusChip, ConfigurationStatusChip, HealthChip } from './agent-chips.tsx';
import { AgentFilterBar } from './agent-filter-bar.tsx';
import { hasFilters, readFilters } from './agent-filters.ts';
import { agentTitle, versionText, type AgentConfiguration, type AgentRow } from './agent.ts';
import { agentsQuery, agentsSignals } from './agents.queries.ts';

/** The server counts no further. */
const countCap = 10_000;

/** All agents, by page, filtered by the URL. */
export function AgentsPage() {
  const [params] = useSearchParams();
  const filters = readFilters(params);
  const { data, error } = useLiveQuery(
    agentsQuery,
    { ...filters, after: params.get('after') },
    agentsSignals,
  );
  const { fields, rest } = byField(error, ['selector']);

  return (
    <>
      <PageHeader title="Agents" />
      <AgentFilterBar filters={filters} selectorError={fields.selector} />
      <ErrorNotice errors={rest} />
      {data && !error && data.agents.items.length > 0 && (
        <>
          <DataTable
            label="Agents"
            columns={columns}
            rows={data.agents.items}
            rowKey={(agent) => agent.uid}
          />
          <Pager next={data.agents.next} summary={countText(data.agents.total)} />
        </>
      )}
      {data && !error && data.agents.items.length === 0 && <NoAgents filtered={hasFilters(filters)} />}
    </>
  );
}

const columns: Column<AgentRow>[] = [
  { header: 'Name and host', cell: (agent) => <NameCell agent={agent} /> },
  { header: 'Status', cell: (agent) => <AgentStatusChip status={agent.status} /> },
  { header: 'Health', cell: (agent) => <HealthChip healthy={agent.healthy} /> },
  { header: 'Last seen', cell: (agent) => <TimeAgo at={agent.lastSeenAt} /> },
  { header: 'Configuration', cell: (agent) => <ConfigurationCell configuration={agent.configuration} /> },
  {
    header: 'Fleet',
    cell: (agent) => agent.fleet && <Link to={`/fleets/${agent.fleet}`}>{agent.fleet}</Link>,
  },
  { header: 'Type', cell: (agent) => agent.type },
  { header: 'Version', cell: (agent) => agent.version },
  { header: 'OS / arch', cell: (agent) => [agent.os, agent.arch].filter(Boolean).join(' / ') },
];

function NameCell({ agent }: { agent: AgentRow }) {
  return (
    <>
      <Link to={`/agents/${agent.uid}`}>
        <Breakable text={agentTitle(agent)} />
      </Link>
      {agent.hostname !== '' && agent.hostname !== agent.name && (
        <span className="cell-sub">
          <Breakable text={agent.hostname} />
        </span>
      )}
    </>
  );
}

function ConfigurationCell({
  configuration: { status, current, target, error },
}: {
  configuration: AgentConfiguration;
}) {
  if (status === 'none') return <span className="muted">none</span>;
  const changing = target !== null && target.hash !== current?.hash;
  return (
    <span className="cell-line" title={error ?? undefined}>
      <ConfigurationStatusChip status={status} />
      <span>
        {current && versionText(current)}
        {current && changing && ' → '}
        {changing && versionText(target)}
      </span>
    </span>
  );
}

function NoAgents({ filtered }: { filtered: boolean }) {
  if (filtered) return <EmptyState title="No agent matches these filters." />;
  return (
    <EmptyState title="No agents yet">
      <p>
        A collector enrols itself with an enrollment token.{' '}
        <Link to="/enrollment-tokens">Create a token</Link> to get a supervisor.yaml that is ready to use.
      </p>
    </EmptyState>
  );
}

function countText(total: number) {
  if (total >= countCap) return `${countCap.toLocaleString()} agents or more`;
  return total === 1 ? '1 agent' : `${total.toLocaleString()} agents`;
}
