import type { Problem } from '../server-error.ts';
import { StatusChip } from '../ui/status-chip.tsx';
import './problem-list.css';

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
            <li key={`${problem.line}:${problem.column}:${problem.message}`}>
              <StatusChip tone={problem.severity === 'error' ? 'bad' : 'warn'}>{problem.severity}</StatusChip>
              <ProblemPlace problem={problem} onSelect={onSelect} />
              <span>
                {problem.path && <code>{problem.path}: </code>}
                {problem.message}
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
