import { Link, useSearchParams } from 'react-router';
import { DataTable, type Column } from '../ui/data-table.tsx';
import { EmptyState } from '../ui/empty-state.tsx';
import { Panel } from '../ui/panel.tsx';
import { TimeAgo } from '../ui/time-ago.tsx';
import { OutcomeChip, RolloutAgentStateChip } from './rollout-chips.tsx';
import {
  cohortText,
  inWords,
  outcomeTones,
  rolloutAgentTones,
  type AgentOutcome,
  type Cohort,
  type RolloutAgent,
  type RolloutAgentState,
  type RolloutDetail,
} from './rollout.ts';

/** The server is asked for so many. */
const shownAgents = 200;
const states = Object.keys(rolloutAgentTones) as RolloutAgentState[];
const outcomes = Object.keys(outcomeTones) as AgentOutcome[];

/** Which agents the URL asks for; null: all. */
export function readAgentState(params: URLSearchParams): RolloutAgentState | null {
  return states.find((state) => state === params.get('agents')) ?? null;
}

/** What they made of their offer by the URL; null: anything. */
export function readAgentOutcome(params: URLSearchParams): AgentOutcome | null {
  return outcomes.find((outcome) => outcome === params.get('outcome')) ?? null;
}

/** The agents of a rollout, in the server's order: those that failed first. */
export function RolloutAgents({ rollout }: { rollout: RolloutDetail }) {
  const [params, setParams] = useSearchParams();
  const { agents, cohorts, counts } = rollout;
  const state = readAgentState(params);
  const outcome = readAgentOutcome(params);
  if (agents.length === 0 && state === null && outcome === null) return null;
  const choose = (name: 'agents' | 'outcome', chosen: string) => {
    const changed = new URLSearchParams(params);
    if (chosen) changed.set(name, chosen);
    else changed.delete(name);
    setParams(changed, { replace: true, preventScrollReset: true });
  };
  return (
    <Panel
      title="Agents"
      aside={
        <span className="row">
          {agents.length >= shownAgents && <span className="muted">the first {shownAgents}</span>}
          <select
            className="input rollout-state"
            aria-label="State of agents"
            value={state ?? ''}
            onChange={(event) => choose('agents', event.target.value)}
          >
            <option value="">all states</option>
            {states
              .filter((each) => each === state || (counts[each] ?? 0) > 0)
              .map((each) => (
                <option key={each} value={each}>
                  {inWords(each)} ({(counts[each] ?? 0).toLocaleString()})
                </option>
              ))}
          </select>
          <select
            className="input rollout-state"
            aria-label="Outcome of agents"
            value={outcome ?? ''}
            onChange={(event) => choose('outcome', event.target.value)}
          >
            <option value="">all outcomes</option>
            {outcomes.map((each) => (
              <option key={each} value={each}>
                {inWords(each)}
              </option>
            ))}
          </select>
        </span>
      }
    >
      {agents.length > 0 ? (
        <DataTable
          label="Agents of this rollout"
          columns={columns(cohorts)}
          rows={agents}
          rowKey={({ uid }) => uid}
        />
      ) : (
        <EmptyState title="No agent stands so." />
      )}
    </Panel>
  );
}

function columns(cohorts: Cohort[]): Column<RolloutAgent>[] {
  const names = new Map(cohorts.map((cohort) => [cohort.cohort, cohortText(cohort)]));
  return [
    { header: 'Agent', cell: ({ uid, name }) => <Link to={`/agents/${uid}`}>{name || uid}</Link> },
    { header: 'Wave', cell: ({ wave }) => wave + 1, kind: 'number' },
    { header: 'Outcome', cell: ({ outcome }) => outcome && <OutcomeChip outcome={outcome} /> },
    { header: 'Now', cell: ({ state }) => <RolloutAgentStateChip state={state} /> },
    { header: 'Offered', cell: ({ offeredAt }) => <TimeAgo at={offeredAt} /> },
    { header: 'Settled', cell: ({ settledAt }) => <TimeAgo at={settledAt} /> },
    {
      header: 'Error',
      cell: ({ error }) => error && <span className="rollout-error">{error}</span>,
      kind: 'text',
    },
    ...(cohorts.length > 1
      ? [{ header: 'Cohort', cell: ({ cohort }: RolloutAgent) => names.get(cohort) ?? '' }]
      : []),
  ];
}
