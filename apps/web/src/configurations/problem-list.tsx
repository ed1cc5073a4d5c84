import { Fragment } from 'react';
import { Link } from 'react-router';
import type { Problem } from '../server-error.ts';
import { StatusChip } from '../ui/status-chip.tsx';
import './problem-list.css';

/** Agents that are named of those a problem concerns. */
const namedAgents = 3;

/** What is wrong in a text; choosing a problem leads to its place. */
export function ProblemList({
  problems,
  rendered,
  onSelect,
}: {
  problems: Problem[] | null;
  /** Lines are those of what agents get, not of the text itself. */
  rendered: boolean;
  /** Null: the text is not there to go to. */
  onSelect: ((line: number, column: number) => void) | null;
}) {
  return (
    <div role="status" className="problems">
      {problems === null && <p className="muted">Checking…</p>}
      {problems?.length === 0 && <StatusChip tone="ok">No problems found</StatusChip>}
      {problems && problems.length > 0 && (
        <ul aria-label="Problems">
          {problems.map((problem) => (
            <li key={JSON.stringify(problem)}>
              <StatusChip tone={problem.severity === 'error' ? 'bad' : 'warn'}>{problem.severity}</StatusChip>
              <ProblemPlace problem={problem} rendered={rendered} onSelect={onSelect} />
              <span>
                {problem.file !== '' && <code>{problem.file} </code>}
                {problem.path && <code>{problem.path}: </code>}
                {problem.message}
                <ProblemAgents problem={problem} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function ProblemPlace(props: {
  problem: Problem;
  rendered: boolean;
  onSelect: ((line: number, column: number) => void) | null;
}) {
  const { line, column, agentCount } = props.problem;
  const { onSelect } = props;
  if (line === null) return <span />;
  const place = `${line}:${column ?? 1}`;
  if (onSelect === null || (props.rendered && agentCount !== null)) {
    return (
      <span className="mono muted" title="Line and column in the text that these agents get">
        {place} rendered
      </span>
    );
  }
  return (
    <button
      type="button"
      className="button-link mono"
      aria-label={`Go to line ${line}, column ${column ?? 1}`}
      onClick={() => onSelect(line, column ?? 1)}
    >
      {place}
    </button>
  );
}

/** Whom a problem concerns; all agents are not named. */
function ProblemAgents({ problem: { agents, agentCount } }: { problem: Problem }) {
  if (agentCount === null || agents.length === 0) return null;
  const more = agentCount - Math.min(namedAgents, agents.length);
  return (
    <span className="cell-sub">
      Concerns {agentCount === 1 ? '1 agent' : `${agentCount.toLocaleString()} agents`}:{' '}
      {agents.slice(0, namedAgents).map((uid, index) => (
        <Fragment key={uid}>
          {index > 0 && ', '}
          <Link to={`/agents/${uid}`}>{uid}</Link>
        </Fragment>
      ))}
      {more > 0 && ` and ${more.toLocaleString()} more`}
    </span>
  );
}
