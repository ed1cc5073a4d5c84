import type { AgentId } from '@muster/agents/agent-id';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maxCohorts, placeAgents, takeCensus, toCohorts, type Candidates } from './placement.ts';

let made = 0;

function candidates(size: number, given: Partial<Omit<Candidates, 'agents'>> = {}): Candidates {
  const agents = Array.from({ length: size }, () => `agent-${made++}` as AgentId);
  const kind = { type: 'otelcol', version: '1', os: 'linux', arch: 'amd64' };
  return { ...kind, connected: true, unhealthy: false, quarantine: null, ...given, agents };
}

function place(all: readonly Candidates[], random: () => number = Math.random) {
  return placeAgents(all, toCohorts(takeCensus(all)), random);
}

describe('the row that waves are cut from', () => {
  test('begins with one agent of each cohort, the largest first, and goes on in proportion', () => {
    const [small, large] = [candidates(2, { version: '2' }), candidates(8)];
    const row = place([small, large]);
    expect(row.slice(0, 2).map(({ cohort }) => cohort)).toEqual([0, 1]);
    expect(row.map(({ cohort }) => cohort).filter((cohort) => cohort === 1)).toHaveLength(2);
    // The second of two stands past the middle of its cohort, and so of the row.
    expect(row.findLastIndex(({ cohort }) => cohort === 1)).toBeGreaterThan(5);
  });

  test('has connected agents before those that are away, inside each cohort', () => {
    const [away, here] = [candidates(5, { connected: false }), candidates(5)];
    const row = place([away, here]);
    expect(row.slice(0, 5).every(({ agent }) => here.agents.includes(agent))).toBe(true);
  });

  test('ends with those in quarantine, each with its reason', () => {
    const [refused, able] = [candidates(3, { quarantine: 'it failed' }), candidates(3, { connected: false })];
    const row = place([refused, able]);
    expect(row.map(({ quarantine }) => quarantine)).toEqual([
      null,
      null,
      null,
      'it failed',
      'it failed',
      'it failed',
    ]);
  });

  test('differs from rollout to rollout', () => {
    const all = [candidates(50)];
    const rows = Array.from({ length: 3 }, () =>
      place(all)
        .map(({ agent }) => agent)
        .join(),
    );
    expect(new Set(rows).size).toBe(3);
  });

  const given = fc.array(
    fc.record({
      size: fc.integer({ min: 1, max: 6 }),
      version: fc.constantFrom('1', '2', '3'),
      os: fc.constantFrom('linux', 'windows'),
      connected: fc.boolean(),
      unhealthy: fc.boolean(),
      quarantine: fc.constantFrom(null, 'it failed'),
    }),
    { maxLength: 30 },
  );

  test('holds every agent once, one of each able cohort first, whoever they are', () => {
    fc.assert(
      fc.property(given, (kinds) => {
        const all = kinds.map(({ size, ...kind }) => candidates(size, kind));
        const row = place(all);
        expect(new Set(row.map(({ agent }) => agent))).toEqual(new Set(all.flatMap(({ agents }) => agents)));
        const able = takeCensus(all).filter((cohort) => cohort.able > 0).length;
        expect(new Set(row.slice(0, able).map(({ cohort }) => cohort)).size).toBe(able);
      }),
    );
  });
});

test('cohorts beyond the largest are looked at together', () => {
  const all = Array.from({ length: maxCohorts + 10 }, (_, n) =>
    candidates(n === 7 ? 3 : 1, { version: `${n}` }),
  );
  const census = takeCensus(all);
  expect(census[0]).toMatchObject({ version: '7', size: 3, able: 3 });
  const cohorts = toCohorts(census);
  expect(cohorts).toHaveLength(maxCohorts);
  expect(cohorts.at(-1)).toBeNull();
  const others = placeAgents(all, cohorts, Math.random).filter(({ cohort }) => cohort === maxCohorts - 1);
  expect(others).toHaveLength(11);
});
