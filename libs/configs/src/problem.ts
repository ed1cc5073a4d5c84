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

/** Is there a finding that forbids to hand this configuration out? */
export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === 'error');
}
