import { windowAt } from '@muster/configs/maintenance-windows';
import type { Policy } from '@muster/configs/policy';
import { findBreach, sum, type Accepted, type Breach } from './gates.ts';
import type { CohortState } from './cohort.ts';
import { offerPace, type Offers } from './offer-pace.ts';
import { takers, type CohortCounts } from './rollout-agent.ts';

export type RolloutState =
  'scheduled' | 'running' | 'paused' | 'completed' | 'rollingBack' | 'rolledBack' | 'aborted' | 'replaced';

/** Gateways tell of an offer a second later at most; the rest is for the bus. */
export const offersToldWithinMs = 3_000;

/** Of the agents that return, or that nobody was before, so many are offered at a time at least. */
const portionShare = 0.02;

/** Under way: a fleet has one such rollout at most. */
export const activeStates = ['running', 'paused', 'rollingBack'] as const satisfies RolloutState[];

/** A completed rollout that still offers, or waits to be resumed, takes other orders than one that is over. */
export type Standing = RolloutState | 'catchingUp' | 'halted';

export function standingOf({
  state,
  catchingUp,
  halted,
}: Pick<RolloutView, 'state' | 'catchingUp' | 'halted'>): Standing {
  if (!catchingUp) return state;
  return halted ? 'halted' : 'catchingUp';
}

/** Can something still happen to it by itself? */
export function isOpen({ state, catchingUp }: Pick<RolloutView, 'state' | 'catchingUp'>): boolean {
  return catchingUp || state === 'scheduled' || (activeStates as readonly RolloutState[]).includes(state);
}

/** All that `decide` looks at. Times are Unix milliseconds. */
export interface RolloutView {
  readonly state: RolloutState;
  readonly policy: Policy;
  /** When a scheduled one starts; null: at once. */
  readonly startAt: number | null;
  /** The wave under way, from 0. */
  readonly wave: number;
  readonly waveCount: number;
  /** Null: the wave under way has not begun. */
  readonly waveStartedAt: number | null;
  /** When the last agent of the wave had answered; null: not yet. */
  readonly waveSettledAt: number | null;
  readonly cohorts: readonly { readonly cohort: number; readonly state: CohortState }[];
  /** The waves up to the one under way. */
  readonly reached: readonly CohortCounts[];
  readonly accepted: readonly Accepted[];
  /** Agents of reached waves whose turn it is: connected, not offered yet. */
  readonly due: number;
  /** Agents that are taken back and have not confirmed it yet. */
  readonly reverting: number;
  /** When the last of them was taken back. */
  readonly lastReverted: number | null;
  /** Since when the first is away of those that were offered it and are expected back; null: nobody is. */
  readonly expectedSince: number | null;
  /** The latest; see `offerPace`. */
  readonly offers: readonly Offers[];
  /** When the first unanswered offer or rollback is given up; null: none is open. */
  readonly nextDeadline: number | null;
  /** Completed, and agents that were away get their turn when they return. */
  readonly catchingUp: boolean;
  /** Catching up stopped at a gate. */
  readonly halted: boolean;
  /** How many that were offline when their turn came, or since, may still return. */
  readonly away: number;
}

/** What to do next. `wait` with null: nothing until something is reported or a person decides. */
export type Decision =
  | { readonly kind: 'begin' }
  | { readonly kind: 'startWave' }
  | { readonly kind: 'offer'; readonly limit: number }
  | { readonly kind: 'soak'; readonly until: number }
  | { readonly kind: 'passWave' }
  | { readonly kind: 'complete' }
  | { readonly kind: 'pause' | 'rollback' | 'haltCatchingUp'; readonly breach: Breach }
  | { readonly kind: 'stopCohort'; readonly cohort: number; readonly breach: Breach }
  | { readonly kind: 'stopForAllCohorts' }
  /** At its end, and nobody has applied it or may still do. */
  | { readonly kind: 'pauseUnproven' }
  | { readonly kind: 'finishRollback' }
  | { readonly kind: 'caughtUp' }
  | {
      readonly kind: 'wait';
      readonly until: number | null;
      /** What it waits for by its policy; absent: for agents, or for a person. */
      readonly why?: 'window' | 'pace';
    };

/**
 * The state machine of a rollout. It depends on nothing but its arguments, so asking again, late or twice
 * leads to the same end. Gates come first: nothing more is offered once one is breached.
 */
export function decide(view: RolloutView, now: number): Decision {
  switch (view.state) {
    case 'scheduled':
      return view.startAt !== null && view.startAt > now
        ? { kind: 'wait', until: view.startAt }
        : { kind: 'begin' };
    case 'running':
      return decideRunning(view, now);
    case 'rollingBack':
      return view.reverting === 0 ? { kind: 'finishRollback' } : { kind: 'wait', until: nextLook(view, now) };
    case 'paused':
      return { kind: 'wait', until: nextLook(view, now) };
    case 'completed':
      return view.catchingUp ? decideCatchingUp(view, now) : { kind: 'wait', until: null };
    default:
      return { kind: 'wait', until: null };
  }
}

function decideRunning(view: RolloutView, now: number): Decision {
  if (view.waveCount === 0) return { kind: 'complete' };
  const breach = breachOf(view);
  if (breach) {
    return breach.cohort === null
      ? { kind: view.policy.onBreach, breach }
      : { kind: 'stopCohort', cohort: breach.cohort, breach };
  }
  if (haveAllStopped(view)) return { kind: 'stopForAllCohorts' };
  if (view.waveStartedAt === null) return insideWindow(view, now) ?? { kind: 'startWave' };
  if (view.due > 0) return insideWindow(view, now) ?? offerWithinPace(view, now);
  if (isUnanswered(view)) return { kind: 'wait', until: nextLook(view, now) };
  return watchSettledWave(view, now);
}

/** What failed until completion has been accepted; what comes later counts. */
function decideCatchingUp(view: RolloutView, now: number): Decision {
  if (view.halted) return { kind: 'wait', until: nextLook(view, now) };
  const breach = breachOf(view);
  if (breach) {
    return breach.cohort === null
      ? { kind: 'haltCatchingUp', breach }
      : { kind: 'stopCohort', cohort: breach.cohort, breach };
  }
  if (haveAllStopped(view)) return { kind: 'stopForAllCohorts' };
  if (view.due > 0) return insideWindow(view, now) ?? offerWithinPace(view, now);
  if (view.away === 0 && !isUnanswered(view)) return { kind: 'caughtUp' };
  return { kind: 'wait', until: nextLook(view, now) };
}

function breachOf({ policy, reached, accepted, cohorts }: RolloutView): Breach | null {
  const stopped = cohorts.filter(({ state }) => state !== 'running').map(({ cohort }) => cohort);
  return findBreach(policy, reached, accepted, new Set(stopped));
}

function haveAllStopped({ cohorts }: RolloutView): boolean {
  return cohorts.length > 0 && cohorts.every(({ state }) => state !== 'running');
}

/** Null: offers may be made now. */
function insideWindow(view: RolloutView, now: number): Decision | null {
  const { open, changesAt } = windowAt(view.policy.windows, now);
  return open ? null : { kind: 'wait', until: earliest(changesAt, nextLook(view, now)), why: 'window' };
}

function offerWithinPace(view: RolloutView, now: number): Decision {
  const { policy, due, offers, reached, wave, catchingUp } = view;
  const size = sum(reached, (part) => (catchingUp || part.wave === wave ? part.size : 0));
  const pace = offerPace(policy, offers, size, now);
  if ('until' in pace) return { kind: 'wait', until: earliest(pace.until, nextLook(view, now)), why: 'pace' };
  const limit = Math.min(due, pace.allowed, portion(view));
  return limit > 0 ? { kind: 'offer', limit } : { kind: 'wait', until: nextLook(view, now) };
}

/** How many may be offered beside those that have not answered. Only what has been taken goes out by whole waves. */
function portion({ reached, catchingUp }: RolloutView): number {
  if (!catchingUp && sum(reached, takers) > 0) return Infinity;
  const first = sum(reached, ({ wave, size }) => (wave === 0 ? size : 0));
  const share = Math.ceil(sum(reached, ({ size }) => size) * portionShare);
  return Math.max(first, share) - sum(reached, ({ offered }) => offered);
}

/** Who was offline when its turn came holds nothing: only those that were offered and may still answer do. */
function isUnanswered({ reached, reverting }: RolloutView): boolean {
  return reverting > 0 || reached.some(({ waiting, offered }) => waiting + offered > 0);
}

function watchSettledWave(view: RolloutView, now: number): Decision {
  const { policy, expectedSince, waveSettledAt, reached } = view;
  const soakMs = policy.soakSeconds * 1000;
  if (waveSettledAt === null && soakMs > 0) return { kind: 'soak', until: now + soakMs };
  const until = (waveSettledAt ?? now) + soakMs;
  if (until > now) return { kind: 'wait', until };
  // Who went away before the soak was over is back by then, or counted.
  if (policy.maxDisconnected !== null && expectedSince !== null && expectedSince < until)
    return { kind: 'wait', until: expectedSince + policy.applyDeadlineSeconds * 1000 };
  if (view.wave + 1 < view.waveCount) return { kind: 'passWave' };
  if (sum(reached, takers) > 0) return { kind: 'complete' };
  return view.away > 0 ? { kind: 'wait', until: nextLook(view, now) } : { kind: 'pauseUnproven' };
}

/** When something runs out by itself that somebody is waited for. */
function nextLook(view: RolloutView, now: number): number | null {
  const { nextDeadline, lastReverted, reached, policy } = view;
  const told = lastReverted === null ? null : lastReverted + offersToldWithinMs;
  // Offers that were not taken end with their window.
  const { open, changesAt } = windowAt(policy.windows, now);
  const ends = open && reached.some(({ offered }) => offered > 0) ? changesAt : null;
  return earliest(nextDeadline, ends, told !== null && told > now ? told : null);
}

function earliest(...times: (number | null)[]): number | null {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.min(...known);
}
