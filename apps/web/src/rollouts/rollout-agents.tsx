import { Link } from 'react-router';
import { DataTable, type Column } from '../ui/data-table.tsx';
import { Panel } from '../ui/panel.tsx';
import { TimeAgo } from '../ui/time-ago.tsx';
import { RolloutAgentStateChip } from './rollout-chips.tsx';
import type { RolloutAgent } from './rollout.ts';

const columns: Column<RolloutAgent>[] = [
  { header: 'Agent', cell: ({ uid, name }) => <Link to={`/agents/${uid}`}>{name || uid}</Link> },
  { header: 'Wave', cell: ({ wave }) => wave + 1, kind: 'number' },
  { header: 'State', cell: ({ state }) => <RolloutAgentStateChip state={state} /> },
  { header: 'Offered', cell: ({ offeredAt }) => <TimeAgo at={offeredAt} /> },
  { header: 'Settled', cell: ({ settledAt }) => <TimeAgo at={settledAt} /> },
  {
    header: 'Error',
    cell: ({ error }) => error && <span className="rollout-error">{error}</span>,
    kind: 'text',
  },
];

/** The agents of a rollout, in the server's order: those that failed first. */
export function RolloutAgents({ agents }: { agents: RolloutAgent[] }) {
  if (agents.length === 0) return null;
  return (
    <Panel title="Agents" aside={agents.length >= 200 && <span className="muted">the first 200</span>}>
      <DataTable label="Agents of this rollout" columns={columns} rows={agents} rowKey={({ uid }) => uid} />
    </Panel>
  );
}
