import type { Outcome, Verdict } from './outcome.ts';
import type { Transport } from './transport.ts';
import type { RowResult } from './runner.ts';

const words: Record<Verdict, string> = {
  met: 'met',
  notMet: 'not met',
  missed: 'missed',
  notOffered: 'not offered',
  notTestable: 'not testable',
};

/** Rows for the eye: number, level, both transports, rule; what was seen stands below. */
export function terminalTable(results: readonly RowResult[]): string {
  const lines = results.flatMap(({ row, outcomes }) => {
    const cell = (transport: Transport) => loudWordOf(outcomes[transport]).padEnd(13);
    const line = `${row.number.padEnd(6)}${row.level.padEnd(11)}${cell('websocket')}${cell('http')}${row.rule}`;
    return [line, ...seenIn(outcomes).map((text) => `                 ${text}`)];
  });
  const head = `${'row'.padEnd(6)}${'level'.padEnd(11)}${'WebSocket'.padEnd(13)}${'HTTP'.padEnd(13)}rule`;
  return [head, ...lines, '', summary(results)].join('\n');
}

/** The same as a Markdown table. */
export function markdownTable(results: readonly RowResult[]): string {
  const lines = results.map(({ row, outcomes }) => {
    const cells = [row.number, row.level, row.maturity, row.rule];
    return `| ${[...cells, wordOf(outcomes.websocket), wordOf(outcomes.http)].join(' | ')} |`;
  });
  return ['| row | level | | rule | WebSocket | HTTP |', '|---|---|---|---|---|---|', ...lines, ''].join(
    '\n',
  );
}

/** One entry for each row, for programs. */
export function jsonReport(results: readonly RowResult[]): string {
  const rows = results.map(({ row, outcomes }) => {
    const { number, level, maturity, section, rule } = row;
    return { number, level, maturity, section, rule, outcomes };
  });
  return `${JSON.stringify({ rows, counts: countsOf(results) }, null, 2)}\n`;
}

export function wordOf(outcome: Outcome | undefined): string {
  return outcome ? words[outcome.verdict] : '–';
}

/** What must not be overlooked in a long table is in capitals. */
function loudWordOf(outcome: Outcome | undefined): string {
  return outcome?.verdict === 'notMet' ? wordOf(outcome).toUpperCase() : wordOf(outcome);
}

/** True when the server breaks no rule that binds it: nothing that is recommended or free counts. */
export function isConforming(results: readonly RowResult[]): boolean {
  return results.every(
    ({ row, outcomes }) =>
      !row.level.startsWith('MUST') || Object.values(outcomes).every(({ verdict }) => verdict !== 'notMet'),
  );
}

function seenIn(outcomes: RowResult['outcomes']): string[] {
  const told = Object.entries(outcomes).filter(
    ([, { verdict }]) => verdict === 'notMet' || verdict === 'missed',
  );
  return told.map(([transport, { seen }]) => `${transport}: ${seen}`);
}

function countsOf(results: readonly RowResult[]): Record<Verdict, number> {
  const counts: Record<Verdict, number> = { met: 0, notMet: 0, missed: 0, notOffered: 0, notTestable: 0 };
  for (const { outcomes } of results) {
    for (const { verdict } of Object.values(outcomes)) counts[verdict]++;
  }
  return counts;
}

function summary(results: readonly RowResult[]): string {
  const counts = Object.entries(countsOf(results)).map(
    ([verdict, count]) => `${count} ${words[verdict as Verdict]}`,
  );
  return `${results.length} rows over their transports: ${counts.join(', ')}`;
}
