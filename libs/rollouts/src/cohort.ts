import type { CohortKind } from '@muster/configs/cohort-kind';

/** `stopped`: its agents stay as they are, the rest is not offered. `rolledBack`: those it had touched go back. */
export type CohortState = 'running' | 'stopped' | 'rolledBack';

/** The agents of a rollout that were of the same kind when it was planned. */
export interface Cohort {
  /** From 0, the largest first. */
  readonly cohort: number;
  /** Null: everybody that is in no other one. */
  readonly traits: CohortKind | null;
  readonly size: number;
  readonly state: CohortState;
  /** Why it stopped, for people. */
  readonly reason: string;
}

/** A cohort in words, for people. */
export function describeCohort({ traits }: Pick<Cohort, 'traits'>): string {
  if (traits === null) return 'the smaller cohorts';
  const { type, version, os, arch } = traits;
  const platform = [os, arch].filter((part) => part !== '').join('/');
  return (
    [type, version, platform].filter((part) => part !== '').join(' ') ||
    'agents that do not say what they are'
  );
}
