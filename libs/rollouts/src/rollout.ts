import type { Policy } from '@muster/configs/policy';
import { findBreach, type Accepted, type Breach } from './gates.ts';
import type { WaveCounts } from './rollout-agent.ts';

export type RolloutState =
  'scheduled' | 'running' | 'paused' | 'completed' | 'rollingBack' | 'rolledBack' | 'aborted' | 'replaced';

export const activeStates = [
  'scheduled',
  'running',
  'paused',
  'rollingBack',
] as const satisfies RolloutState[];

/** Can something still happen to it? */
export function isActive(state: RolloutState): boolean {
  return (activeStates as readonly RolloutState[]).includes(state);
}

/** All that `decide` looks at. Times are Unix milliseconds. */
export interface RolloutView {
  readonly state: RolloutState;
  readonly policy: Policy;
  /** The wave under way, from 0. */
  readonly wave: number;
  readonly waveCount: number;
  /** Null: the wave under way has not begun. */
  readonly waveStartedAt: number | null;
  /** When the last agent of the wave had answered; null: not yet. */
  readonly waveSettledAt: number | null;
  /** The waves up to the one under way. */
  readonly reached: readonly WaveCounts[];
  readonly accepted: readonly Accepted[];
  /** Agents of reached waves whose turn it is: connected, not offered yet. */
  readonly due: number;
  readonly offeredInLastSecond: number;
  /** When the first unanswered offer or rollback is given up; null: none is open. */
  readonly nextDeadline: number | null;
}

/** What to do next. `wait` with null: nothing until something is reported or a person decides. */
export type Decision =
  | { readonly kind: 'startWave' }
  | { readonly kind: 'offer'; readonly limit: number }
  | { readonly kind: 'soak'; readonly until: number }
  | { readonly kind: 'passWave' }
  | { readonly kind: 'complete' }
  | { readonly kind: 'pause'; readonly breach: Breach }
  | { readonly kind: 'rollback'; readonly breach: Breach }
  | { readonly kind: 'finishRollback' }
  | { readonly kind: 'wait'; readonly until: number | null };

/**
 * The state machine of a rollout. It depends on nothing but its arguments, so asking again, late or twice
 * leads to the same end. Gates come first: nothing more is offered once one is breached.
 */
export function decide(view: RolloutView, now: number): Decision {
  switch (view.state) {
    case 'running':
      return decideRunning(view, now);
    case 'rollingBack':
      return view.nextDeadline === null
        ? { kind: 'finishRollback' }
        : { kind: 'wait', until: view.nextDeadline };
    case 'paused':
      return { kind: 'wait', until: view.nextDeadline };
    default:
      return { kind: 'wait', until: null };
  }
}

function decideRunning(view: RolloutView, now: number): Decision {
  if (view.waveCount === 0) return { kind: 'complete' };
  const breach = findBreach(view.policy, view.reached, view.accepted);
  if (breach) return { kind: view.policy.onBreach, breach };
  if (view.waveStartedAt === null) return { kind: 'startWave' };
  if (view.due > 0) return offerWithinPace(view, now);
  if (isUnanswered(view)) return { kind: 'wait', until: view.nextDeadline };
  return watchSettledWave(view, now);
}

function offerWithinPace({ policy, due, offeredInLastSecond }: RolloutView, now: number): Decision {
  const allowed = policy.perSecond === null ? due : policy.perSecond - offeredInLastSecond;
  return allowed > 0 ? { kind: 'offer', limit: Math.min(due, allowed) } : { kind: 'wait', until: now + 1000 };
}

/** Offline agents never hold a wave: only those that were offered and are still expected to answer do. */
function isUnanswered({ reached }: RolloutView): boolean {
  return reached.some(({ waiting, offered }) => waiting + offered > 0);
}

function watchSettledWave(view: RolloutView, now: number): Decision {
  const soakMs = view.policy.soakSeconds * 1000;
  if (view.waveSettledAt === null && soakMs > 0) return { kind: 'soak', until: now + soakMs };
  const until = (view.waveSettledAt ?? now) + soakMs;
  if (until > now) return { kind: 'wait', until };
  return view.wave + 1 < view.waveCount ? { kind: 'passWave' } : { kind: 'complete' };
}
