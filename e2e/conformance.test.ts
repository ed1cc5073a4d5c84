import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { outdated, unexplained } from '@muster/app-conformance/exceptions';
import { musterColumns, musterColumnsOf } from '@muster/app-conformance/matrix';
import type { RowResult } from '@muster/app-conformance/runner';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runAgainst, startForConformance } from './harness/conformance.ts';
import { showOnFailure } from './harness/failure.ts';
import { repository, type Muster } from './harness/muster.ts';

/** The suite takes two minutes on an idle machine: it waits for agents that fall silent. */
const runWithinMs = 400_000;

describe('the conformance suite, all-in-one', () => {
  let muster: Muster;
  let results: RowResult[];

  showOnFailure(() => ({ muster: muster?.output }));
  beforeAll(async () => {
    muster = await startForConformance();
    results = await runAgainst(muster);
  }, runWithinMs);
  afterAll(() => muster?.dispose());

  test('every rule is met over its transports, or there is a reason', () => {
    expect(unexplained(results)).toEqual([]);
  });

  test('no reason is given for what is met', () => {
    expect(outdated(results)).toEqual([]);
  });

  test('the matrix in docs/opamp.md shows this run (npm run conformance:matrix)', () => {
    const page = readFileSync(join(repository, 'docs/opamp.md'), 'utf8');
    expect(musterColumns(page)).toEqual(musterColumnsOf(results));
  });
});
