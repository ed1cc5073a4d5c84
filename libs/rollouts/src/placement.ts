import type { AgentId } from '@muster/agents/agent-id';
import { kindKey, type CohortKind } from '@muster/configs/cohort-kind';

/** More are looked at together with the smaller ones: every part of every wave has its own gates. */
export const maxCohorts = 50;

/** Agents that can take part in a rollout, and are alike to its plan. */
export interface Candidates extends CohortKind {
  readonly connected: boolean;
  /** They say so before the rollout has touched them. */
  readonly unhealthy: boolean;
  /** Why they are in quarantine; null: they are not. */
  readonly quarantine: string | null;
  readonly agents: readonly AgentId[];
}

export interface CohortCensus extends CohortKind {
  readonly size: number;
  /** How many of them are not in quarantine. */
  readonly able: number;
}

/** An agent in the row that waves are cut from. */
export interface Place extends Pick<Candidates, 'quarantine' | 'unhealthy'> {
  readonly agent: AgentId;
  /** By its number in the plan. */
  readonly cohort: number;
}

/** How many agents there are of each kind; the largest cohort first. */
export function takeCensus(candidates: readonly Candidates[]): CohortCensus[] {
  const kinds = Map.groupBy(candidates, kindKey);
  const census = [...kinds.values()].map((alike) => {
    const { type, version, os, arch } = alike[0]!;
    const able = alike.filter(({ quarantine }) => quarantine === null);
    return { type, version, os, arch, size: countAgents(alike), able: countAgents(able) };
  });
  return census.toSorted((a, b) => b.size - a.size || (kindKey(a) < kindKey(b) ? -1 : 1));
}

/** By number; the last one is null, everybody else, where there are too many. */
export function toCohorts(census: readonly CohortCensus[]): (CohortCensus | null)[] {
  return census.length <= maxCohorts ? [...census] : [...census.slice(0, maxCohorts - 1), null];
}

/**
 * Puts agents in a row. First stands one agent of each cohort, then all cohorts in proportion; inside a cohort
 * connected agents come first, and else an order that differs from rollout to rollout. Those in quarantine come
 * last.
 *
 * @param cohorts by number; null: everybody that is in no other one
 * @param random at least 0, below 1
 */
export function placeAgents(
  candidates: readonly Candidates[],
  cohorts: readonly (CohortKind | null)[],
  random: () => number,
): Place[] {
  const numbers = new Map(cohorts.flatMap((traits, number) => (traits ? [[kindKey(traits), number]] : [])));
  const numberOf = (candidate: Candidates) => numbers.get(kindKey(candidate)) ?? cohorts.length - 1;
  const parts = Map.groupBy(
    candidates,
    (candidate) => `${numberOf(candidate)} ${candidate.quarantine !== null}`,
  );
  const row = [...parts.values()].flatMap((part) => {
    const cohort = numberOf(part[0]!);
    const peers = countAgents(part);
    const last = part[0]!.quarantine === null ? 0 : 4;
    const inTurn = [true, false].flatMap((connected) =>
      shuffled(
        part
          .filter((candidate) => candidate.connected === connected)
          .flatMap(({ agents, quarantine, unhealthy }) =>
            agents.map((agent) => ({ agent, cohort, quarantine, unhealthy })),
          ),
        random,
      ),
    );
    // Places in the row are compared by this alone: the first of a cohort, then its share of the cohort.
    return inTurn.map((place, rank) => ({
      place,
      order: last + (rank === 0 ? 0 : 2) + (2 * rank + 1) / (2 * peers),
    }));
  });
  row.sort((a, b) => a.order - b.order || a.place.cohort - b.place.cohort);
  return row.map(({ place }) => place);
}

function countAgents(candidates: readonly Candidates[]): number {
  return candidates.reduce((total, { agents }) => total + agents.length, 0);
}

/** Fisher and Yates; in place. */
function shuffled<T>(items: T[], random: () => number): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const other = Math.floor(random() * (i + 1));
    [items[i], items[other]] = [items[other]!, items[i]!];
  }
  return items;
}
