import type { RowResult } from './runner.ts';

/** Rows that Muster does not meet, and why. */
export interface Exception {
  rows: readonly string[];
  reason: string;
}

/** Numbers `chapter.from` to `chapter.to`. */
const range = (chapter: number, from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => `${chapter}.${from + i}`);

/**
 * Kept by hand. A row that is not met and not here fails the build, and so does one that is here and met
 * (`e2e/conformance.test.ts`).
 */
export const exceptions: readonly Exception[] = [
  {
    rows: [
      '7.18',
      '7.19',
      '7.20',
      '7.21',
      '7.22',
      '7.28',
      '9.2',
      '9.5',
      ...range(14, 1, 18),
      '14.20',
      '14.21',
    ],
    reason: 'Connection settings are not offered yet; OffersConnectionSettings is clear.',
  },
  {
    rows: [...range(15, 1, 8), '15.10'],
    reason: 'Signing requests are not taken yet; AcceptsConnectionSettingsRequest is clear.',
  },
  {
    rows: ['7.16', ...range(16, 1, 11), '16.14'],
    reason: 'Packages are not offered yet; OffersPackages is clear. Their statuses are kept.',
  },
  {
    rows: ['18.2', '18.3', '18.5'],
    reason: 'There are no custom capabilities yet, and none are announced.',
  },
  { rows: ['8.8'], reason: 'Nobody but the agent itself, or a duplicate of it, causes a new uid.' },
  { rows: ['1.3'], reason: 'The suite is given the address. The default is 4320 (docs/settings.md).' },
  {
    rows: range(4, 1, 4),
    reason: 'Needs a server at its limit: tested at the gateway (admission and doors).',
  },
  { rows: ['20.5'], reason: 'Something inside has to fail: tested at the gateway with a bus that is out.' },
  { rows: ['21.3', '21.5'], reason: 'The run is over ws and http. TLS is tested at the gateway.' },
  { rows: ['21.4'], reason: 'Muster holds no such keys.' },
];

export function reasonOf(number: string): string | null {
  return exceptions.find(({ rows }) => rows.includes(number))?.reason ?? null;
}

/** Rows that are not met over some transport, and have no reason for it, with what was seen. */
export function unexplained(results: readonly RowResult[]): string[] {
  return results
    .filter(({ row }) => reasonOf(row.number) === null)
    .flatMap(({ row, outcomes }) =>
      Object.entries(outcomes)
        .filter(([, { verdict }]) => verdict !== 'met')
        .map(([transport, { verdict, seen }]) => `${row.number} over ${transport}: ${verdict}: ${seen}`),
    );
}

/** Numbers that have a reason and need none: met over every transport, or no row at all. */
export function outdated(results: readonly RowResult[]): string[] {
  const unmet = results.filter(({ outcomes }) =>
    Object.values(outcomes).some(({ verdict }) => verdict !== 'met'),
  );
  const numbers = new Set(unmet.map(({ row }) => row.number));
  return exceptions.flatMap(({ rows }) => rows).filter((number) => !numbers.has(number));
}
