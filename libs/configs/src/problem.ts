/** Something wrong in a configuration's text. Line and column count from 1; null: it concerns the whole. */
export interface Problem {
  /** A configuration with an error is refused; a warning is for people to read. */
  readonly severity: 'error' | 'warning';
  readonly message: string;
  /** Where in the document, as in `service.pipelines.traces.exporters`; null: not inside a member. */
  readonly path: string | null;
  readonly line: number | null;
  readonly column: number | null;
}

export function inTextOrder(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}

/** Findings of one content that are listed: whoever has so many sees to them and looks again. */
const mostProblems = 200;

/** The first of them, with one that says how many others there are; an error stays an error. */
export function firstProblems(problems: readonly Problem[]): Problem[] {
  const first = problems.slice(0, mostProblems).map(({ message, path, ...place }) => ({
    ...place,
    message: shortened(message),
    path: path && shortened(path),
  }));
  const others = problems.slice(mostProblems);
  const [next] = others;
  if (!next) return first;
  const severity = hasErrors(others) ? 'error' : 'warning';
  return [...first, { ...next, severity, message: `and ${others.length} more`, path: null }];
}

/** Texts may have keys of a megabyte, which messages quote. */
const longestText = 1_000;

function shortened(text: string): string {
  return text.length <= longestText ? text : `${text.slice(0, longestText)}…`;
}

/** Is there a finding that forbids to hand this configuration out? */
export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === 'error');
}
