import type { AgentId } from '@muster/agents/agent-id';

/**
 * Why an agent is not what it should be (ADR 0018): it runs something else than it said it had applied, it is
 * on nobody's version, or it never confirmed what it was offered.
 */
export const driftKinds = ['effective', 'unknown', 'unconfirmed'] as const;
export type DriftKind = (typeof driftKinds)[number];

/** pending: a try is under way or will come. forbidden: as long as `reason` holds. notRepaired: given up. */
export type RepairState = 'pending' | 'forbidden' | 'notRepaired';

export interface Drift {
  readonly agent: AgentId;
  readonly kind: DriftKind;
  /** When it was found. */
  readonly since: Date;
  /** The first paths where the effective configuration lacks what was applied. */
  readonly detail: readonly string[];
  readonly tries: number;
  readonly repair: RepairState;
  /** Why it is not repaired; empty: nothing stands against it. */
  readonly reason: string;
  /** Of the next look at it; null: there is none. */
  readonly nextAt: Date | null;
}

/** What decides about the repair of an agent that is due. */
export interface Candidate {
  readonly kind: DriftKind;
  readonly tries: number;
  readonly connected: boolean;
  readonly hasTarget: boolean;
  readonly hasStableVersion: boolean;
  /** A version that the config it reports was rendered from; null: none. */
  readonly runs: string | null;
  readonly acceptsRestart: boolean;
  /** A rollout of its fleet that has not ended. */
  readonly rolloutUnderWay: boolean;
  /** It failed this configuration, or its kind is in quarantine for it. */
  readonly quarantined: boolean;
  readonly windowOpen: boolean;
}

export type Repair =
  | { readonly do: 'offer' | 'restart' | 'converge' }
  /** Looked at again after a while. */
  | { readonly do: 'wait'; readonly reason: string }
  | { readonly do: 'giveUp'; readonly reason: string };

/** A restart that had no effect will have none the third time. */
const maxTries: Readonly<Record<DriftKind, number>> = { effective: 2, unknown: 5, unconfirmed: 5 };
const firstPauseMs = 60_000;

/** How long to wait for the effect of a try, the first of which is number 0. */
export function pauseAfter(tries: number): number {
  return firstPauseMs * 2 ** tries;
}

/** What is to be done about a drift now. */
export function repairOf(candidate: Candidate): Repair {
  const { kind, tries } = candidate;
  const obstacle = obstacleOf(candidate);
  if (obstacle !== null) return { do: 'wait', reason: obstacle };
  if (tries >= maxTries[kind]) return { do: 'giveUp', reason: `tried ${tries} times to no effect` };
  if (!candidate.hasTarget) {
    if (candidate.hasStableVersion) return { do: 'converge' };
    const runs = candidate.runs === null ? '' : `, which runs ${candidate.runs}`;
    return {
      do: 'giveUp',
      reason: `nothing is desired of the agent${runs}: it is in no fleet with a version`,
    };
  }
  if (kind !== 'effective') return { do: 'offer' };
  // Offered again, a supervisor sees the hash it has and does nothing.
  if (candidate.acceptsRestart) return { do: 'restart' };
  return {
    do: 'giveUp',
    reason: 'the agent says it has applied the configuration, and takes no restart command',
  };
}

function obstacleOf(candidate: Candidate): string | null {
  if (!candidate.connected) return 'the agent is not connected';
  if (candidate.rolloutUnderWay) return 'a rollout of its fleet is under way';
  if (candidate.quarantined) return 'the agent, or its kind, is in quarantine for the configuration';
  if (!candidate.windowOpen) return 'no maintenance window of its fleet is open';
  return null;
}
