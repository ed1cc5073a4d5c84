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
  onSelect,
}: {
  problems: Problem[] | null;
  onSelect: (line: number, column: number) => void;
}) {
  return (
    <div role="status" className="problems">
      {problems === null && <p className="muted">Checking…</p>}
      {problems?.length === 0 && <StatusChip tone="ok">No problems found</StatusChip>}
      {problems && problems.length > 0 && (
        <ul aria-label="Problems">
          {problems.map((problem) => (
            <li key={`${problem.line}:${problem.column}:${problem.path}:${problem.message}`}>
              <StatusChip tone={problem.severity === 'error' ? 'bad' : 'warn'}>{problem.severity}</StatusChip>
              <ProblemPlace problem={problem} onSelect={onSelect} />
              <span>
                {problem.path && <code>{problem.path}: </code>}
                {problem.message}
                <ProblemAgents agents={problem.agents} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function ProblemPlace(props: { problem: Problem; onSelect: (line: number, column: number) => void }) {
  const { line, column } = props.problem;
  if (line === null) return null;
  return (
    <button
      type="button"
      className="button-link mono"
      aria-label={`Go to line ${line}, column ${column ?? 1}`}
      onClick={() => props.onSelect(line, column ?? 1)}
    >
      {line}:{column ?? 1}
    </button>
  );
}

/** Whom a problem concerns; all agents are not named. */
function ProblemAgents({ agents }: { agents: string[] }) {
  if (agents.length === 0) return null;
  const more = agents.length - namedAgents;
  return (
    <span className="cell-sub">
      Concerns{' '}
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
