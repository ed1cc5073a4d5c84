import { sum } from './gates.ts';
import { agentStates, type CohortCounts, type RolloutAgentState } from './rollout-agent.ts';
import type { RolloutView } from './rollout.ts';

/** What `decide` wants to know of the agents. */
export interface Counts extends Pick<
  RolloutView,
  'reached' | 'due' | 'reverting' | 'lastReverted' | 'expectedSince' | 'nextDeadline' | 'away'
> {
  /** Of the wave under way: what is kept of it when it passes. */
  readonly passing: readonly { cohort: number; unhealthy: number; disconnected: number }[];
}

/** A cohort's part of a wave, with what was wrong in it when the wave passed. */
export interface WavePart {
  readonly wave: number;
  readonly cohort: number;
  readonly size: number;
  readonly unhealthy: number;
  readonly disconnected: number;
}

/** Agents of a part that stand alike, counted. */
export interface StandingCount extends Pick<WavePart, 'wave' | 'cohort' | 'unhealthy' | 'disconnected'> {
  readonly state: RolloutAgentState;
  readonly agents: number;
  readonly notConverged: number;
  readonly reverting: number;
  readonly oldestOpen: Date | null;
  readonly lastReverted: Date | null;
  readonly expectedSince: Date | null;
}

/**
 * Puts together what a look has counted. Of waves that have passed it has seen those agents alone that do not
 * go the way of their wave: the others have applied the config.
 */
export function toCounts(
  rollout: Pick<RolloutView, 'state' | 'wave' | 'policy'>,
  rows: readonly StandingCount[],
  parts: readonly WavePart[],
  deferred: { readonly returned: number; readonly away: number },
): Counts {
  const seen = Map.groupBy(rows, ({ wave, cohort }) => `${wave} ${cohort}`);
  const hasPassed = (part: WavePart) => rollout.state === 'completed' || part.wave < rollout.wave;
  const rowsOf = (part: WavePart) => seen.get(`${part.wave} ${part.cohort}`) ?? [];
  const reached = parts.map((part) => (hasPassed(part) ? passed : underWay)(part, rowsOf(part)));
  const oldestOpen = earliestOf(rows.map((row) => row.oldestOpen));
  const waiting = sum(reached, (part) => part.waiting);
  return {
    reached,
    due: (rollout.state === 'running' ? waiting : 0) + deferred.returned,
    away: deferred.away,
    reverting: sum(rows, (row) => row.reverting),
    lastReverted: latestOf(rows.map((row) => row.lastReverted)),
    expectedSince: earliestOf(rows.map((row) => row.expectedSince)),
    nextDeadline: oldestOpen === null ? null : oldestOpen + rollout.policy.applyDeadlineSeconds * 1000,
    passing: parts
      .filter((part) => part.wave === rollout.wave && !hasPassed(part))
      .map((part) => {
        const taken = rowsOf(part).filter(({ state }) => state === 'applied' || state === 'unconfirmed');
        return {
          cohort: part.cohort,
          unhealthy: sum(taken, (row) => row.unhealthy),
          disconnected: sum(taken, (row) => row.disconnected),
        };
      }),
  };
}

function timesOf(times: readonly (Date | null)[]): number[] {
  return times.flatMap((time) => (time ? [time.getTime()] : []));
}

function earliestOf(times: readonly (Date | null)[]): number | null {
  const known = timesOf(times);
  return known.length === 0 ? null : Math.min(...known);
}

function latestOf(times: readonly (Date | null)[]): number | null {
  const known = timesOf(times);
  return known.length === 0 ? null : Math.max(...known);
}

function underWay({ wave, cohort, size }: WavePart, rows: readonly StandingCount[]): CohortCounts {
  return {
    ...byState(rows),
    wave,
    cohort,
    size,
    unhealthy: sum(rows, (row) => row.unhealthy),
    disconnected: sum(rows, (row) => row.disconnected),
    notConverged: sum(rows, (row) => row.notConverged),
  };
}

function passed(part: WavePart, rows: readonly StandingCount[]): CohortCounts {
  const different = rows.filter(({ state }) => state !== 'applied');
  const counts = underWay(part, different);
  const away = different.filter(({ state }) => state !== 'unconfirmed');
  return {
    ...counts,
    applied: part.size - sum(different, (row) => row.agents),
    unhealthy: part.unhealthy,
    disconnected: part.disconnected + sum(away, (row) => row.disconnected),
  };
}

function byState(rows: readonly StandingCount[]): Record<RolloutAgentState, number> {
  const counts = agentStates.map((state) => [
    state,
    sum(rows, (row) => (row.state === state ? row.agents : 0)),
  ]);
  return Object.fromEntries(counts) as Record<RolloutAgentState, number>;
}
