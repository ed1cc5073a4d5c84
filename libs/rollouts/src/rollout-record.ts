import type { Policy } from '@muster/configs/policy';
import type { Cohort } from './cohort.ts';
import type { Accepted, ShownBreach } from './gates.ts';
import type { Offers } from './offer-pace.ts';
import type { RolloutState, RolloutView } from './rollout.ts';

/** A rollout as its rows say, but for its agents. Times are Unix milliseconds. */
export interface RolloutRecord extends Pick<
  RolloutView,
  | 'state'
  | 'policy'
  | 'startAt'
  | 'wave'
  | 'waveCount'
  | 'waveStartedAt'
  | 'waveSettledAt'
  | 'accepted'
  | 'offers'
  | 'catchingUp'
  | 'halted'
> {
  readonly id: string;
  readonly fleet: string;
  readonly configuration: string;
  readonly version: number;
  readonly cohorts: readonly Cohort[];
  /** What stopped it, or cohorts of it, until a person goes on. */
  readonly breaches: readonly ShownBreach[];
  /** Rolling back: every touched agent has been given what it had before. */
  readonly reverted: boolean;
  /** Why it is in its state; for people. */
  readonly reason: string;
}

export interface NewRollout {
  /** A UUIDv7, so that ids sort by when they were asked for. */
  readonly id: string;
  readonly fleet: string;
  readonly configuration: string;
  readonly version: number;
  readonly policy: Policy;
  readonly state: 'scheduled' | 'running';
  readonly startAt: number | null;
  readonly createdBy: string;
}

export type EventKind =
  | 'scheduled'
  | 'started'
  | 'waveStarted'
  | 'offered'
  | 'waitsForWindow'
  | 'windowOpened'
  | 'waveSettled'
  | 'wavePassed'
  | 'breached'
  | 'breachEnded'
  | 'cohortStopped'
  | 'paused'
  | 'resumed'
  | 'rollingBack'
  | 'rolledBack'
  | 'completed'
  | 'catchingUp'
  | 'caughtUp'
  | 'catchingUpEnded'
  | 'halted'
  | 'aborted'
  | 'replaced';

/** What is written of a rollout's row as it goes on. */
export type Progress = Partial<{
  state: RolloutState;
  reason: string;
  waveCount: number;
  /** Null: the wave has not begun. */
  waveStartedAt: number | null;
  waveSettledAt: number | null;
  finishedAt: number;
  accepted: readonly Accepted[];
  offers: readonly Offers[];
  breaches: readonly ShownBreach[];
  catchingUp: boolean;
  halted: boolean;
  reverted: boolean;
}>;
