import type { SubjectName } from './subject.ts';
import type { Figure } from './figures.ts';

/** What one run measured. */
export interface RunResult {
  figure: string;
  round: number;
  subject: SubjectName;
  mode: string;
  agents: number;
  reportBytes: number;
  numbers: Record<string, number | null>;
  /** Why it does not count. */
  void: string | null;
}

/** A line of the table: medians of the rounds, and the median of their ratios. */
export interface Row {
  label: string;
  unit: string;
  values: Record<SubjectName, number | null>;
  ratio: number | null;
  /** "≤ 0.5 × plain". */
  goal: string;
  met: boolean | null;
}

/** The rows of one size. Rounds count where both servers of a ratio have a run that counts. */
export function rowsOf(
  results: readonly RunResult[],
  figures: readonly Figure[],
  reportBytes: number,
): Row[] {
  const counted = results.filter((result) => result.void === null);
  return figures.flatMap((figure): Row[] => {
    if (figure.goal?.when && !figure.goal.when(reportBytes)) return [];
    const series = (subject: SubjectName) => seriesOf(counted, subject, figure.metric);
    const values = {
      plain: median([...series('plain').values()]),
      floor: median([...series('floor').values()]),
      muster: median([...series('muster').values()]),
    };
    if (Object.values(values).every((value) => value === null)) return [];
    const { goal } = figure;
    const against = goal?.times ?? 'plain';
    const others = series(against);
    const ratios = [...series('muster')].flatMap(([round, value]) => {
      const other = others.get(round);
      return other === undefined || other === 0 ? [] : [value / other];
    });
    const ratio = median(ratios);
    const judged = goal === undefined ? null : goal.times ? ratio : values.muster;
    return [
      {
        label: figure.label,
        unit: figure.unit,
        values,
        ratio,
        goal: goal === undefined ? '' : `≤ ${goal.atMost}${goal.times ? ` × ${goal.times}` : ''}`,
        met: goal === undefined || judged === null ? null : judged <= goal.atMost,
      },
    ];
  });
}

/** As Markdown, which is readable on a terminal too. */
export function table(title: string, rows: readonly Row[]): string {
  const cells = rows.map(({ label, unit, values, ratio, goal, met }) => [
    label,
    shown(values.muster, unit),
    shown(values.plain, unit),
    shown(values.floor, unit),
    ratio === null ? '' : ratio.toFixed(2),
    goal,
    met === null ? '' : met ? '✓' : '✗',
  ]);
  const all = [['', 'Muster', 'plain', 'floor', 'ratio', 'goal', ''], ...cells];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const line = (row: string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [`\n### ${title}\n`, line(all[0]!), rule, ...cells.map(line), ''].join('\n');
}

function seriesOf(results: readonly RunResult[], subject: SubjectName, metric: string): Map<number, number> {
  const series = new Map<number, number>();
  for (const result of results) {
    const value = result.subject === subject ? result.numbers[metric] : null;
    if (value !== null && value !== undefined) series.set(result.round, value);
  }
  return series;
}

export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  if (sorted.length === 0) return null;
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function shown(value: number | null, unit: string): string {
  if (value === null) return '–';
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${unit}`.trim();
}
