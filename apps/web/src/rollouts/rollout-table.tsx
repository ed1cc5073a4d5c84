import { Link } from 'react-router';
import { CountBar } from '../ui/count-bar.tsx';
import { DataTable, type Column } from '../ui/data-table.tsx';
import { TimeAgo } from '../ui/time-ago.tsx';
import { CatchingUpChip, RolloutStateChip } from './rollout-chips.tsx';
import { countSegments, type RolloutSummary } from './rollout.ts';

const columns: Column<RolloutSummary>[] = [
  {
    header: 'Rollout',
    cell: ({ id, fleet, configuration, version }) => (
      <Link to={`/rollouts/${id}`}>
        {configuration} v{version} to {fleet}
      </Link>
    ),
  },
  {
    header: 'State',
    cell: ({ state, catchingUp, halted }) => (
      <>
        <RolloutStateChip state={state} />
        {catchingUp && (
          <span className="cell-sub">
            <CatchingUpChip halted={halted} />
          </span>
        )}
      </>
    ),
  },
  {
    header: 'Wave',
    cell: ({ wave, waves }) =>
      waves.length === 0 ? '–' : `${Math.min(wave + 1, waves.length)} of ${waves.length}`,
  },
  { header: 'Agents', cell: ({ counts }) => <CountBar label="Agents" segments={countSegments(counts)} /> },
  { header: 'Started', cell: ({ createdAt }) => <TimeAgo at={createdAt} /> },
  { header: 'By', cell: ({ createdBy }) => createdBy },
  { header: 'Reason', cell: ({ reason }) => reason, kind: 'text' },
];

/** Rollouts, one a row. */
export function RolloutTable({ label, rollouts }: { label: string; rollouts: RolloutSummary[] }) {
  return <DataTable label={label} columns={columns} rows={rollouts} rowKey={({ id }) => id} />;
}
