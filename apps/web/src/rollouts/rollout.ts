import type { Tone } from '../ui/status-chip.tsx';
import type { Segment } from '../ui/count-bar.tsx';

export type RolloutState =
  'scheduled' | 'running' | 'paused' | 'completed' | 'rollingBack' | 'rolledBack' | 'aborted' | 'replaced';

export type RolloutAgentState =
  | 'waiting'
  | 'offered'
  | 'applied'
  | 'failed'
  | 'deferred'
  | 'quarantined'
  | 'rolledBack'
  | 'stopped'
  | 'unconfirmed';

/** What an agent made of its offer; it stays when the agent is taken back. */
export type AgentOutcome = 'applied' | 'failed' | 'noAnswer' | 'unconfirmed';
export type RolloutCounts = Partial<Record<RolloutAgentState, number>>;

/** A rollout as lists show it. */
export interface RolloutSummary {
  id: string;
  fleet: string;
  configuration: string;
  version: number;
  state: RolloutState;
  reason: string;
  wave: number;
  waves: { index: number; size: number; state: WaveState }[];
  counts: RolloutCounts;
  /** Completed, and agents that were away still get their turn. */
  catchingUp: boolean;
  /** Catching up stopped at a gate. */
  halted: boolean;
  createdAt: string;
  createdBy: string;
  finishedAt: string | null;
}

export type WaveState = 'pending' | 'running' | 'soaking' | 'passed' | 'stopped';

export interface Wave {
  index: number;
  size: number;
  state: WaveState;
  counts: RolloutCounts;
  cohorts: { cohort: number; size: number; counts: RolloutCounts }[];
}

/** Agents of the same kind: likely to fail together. */
export interface Cohort extends CohortTraits {
  /** Its number in this rollout. */
  cohort: number;
  size: number;
  state: CohortState;
  /** Why it stopped. */
  reason: string;
  counts: RolloutCounts;
}

/** What the agents of a cohort are; all four null: everybody that is in no other one. */
export interface CohortTraits {
  type: string | null;
  version: string | null;
  os: string | null;
  arch: string | null;
}

export type CohortState = 'running' | 'stopped' | 'rolledBack';

export interface RolloutAgent {
  uid: string;
  name: string;
  wave: number;
  cohort: number;
  state: RolloutAgentState;
  error: string;
  /** Null: nothing yet. */
  outcome: AgentOutcome | null;
  /** Why it failed. */
  outcomeReason: string;
  offeredAt: string | null;
  settledAt: string | null;
}

export interface RolloutEvent {
  at: string;
  actor: string;
  kind: string;
  detail: Record<string, unknown>;
}

export interface RolloutDetail extends RolloutSummary {
  policy: Record<string, unknown>;
  waves: Wave[];
  /** The largest first. */
  cohorts: Cohort[];
  /** When it was to start; null: at once. */
  startAt: string | null;
  /** When offers go on that a window, the pace or the start holds back. */
  waitsUntil: string | null;
  agents: RolloutAgent[];
  events: RolloutEvent[];
}

export type RolloutOrder = 'pause' | 'resume' | 'abort' | 'rollback';

const orders: Record<RolloutState, RolloutOrder[]> = {
  scheduled: ['abort'],
  running: ['pause', 'abort', 'rollback'],
  paused: ['resume', 'abort', 'rollback'],
  completed: [],
  rollingBack: ['abort'],
  rolledBack: [],
  aborted: [],
  replaced: [],
};

/** What a person may ask of a rollout as it stands. */
export function allowedOrders({
  state,
  catchingUp,
  halted,
}: Pick<RolloutSummary, 'state' | 'catchingUp' | 'halted'>): RolloutOrder[] {
  if (catchingUp) return [halted ? 'resume' : 'pause', 'abort'];
  return orders[state];
}

export const rolloutTones: Record<RolloutState, Tone> = {
  scheduled: 'idle',
  running: 'info',
  paused: 'warn',
  completed: 'ok',
  rollingBack: 'bad',
  rolledBack: 'bad',
  aborted: 'idle',
  replaced: 'idle',
};

export const waveTones: Record<WaveState, Tone> = {
  pending: 'idle',
  running: 'info',
  soaking: 'info',
  passed: 'ok',
  stopped: 'bad',
};

export const rolloutAgentTones: Record<RolloutAgentState, Tone> = {
  applied: 'ok',
  offered: 'info',
  failed: 'bad',
  quarantined: 'bad',
  rolledBack: 'warn',
  deferred: 'warn',
  stopped: 'warn',
  unconfirmed: 'warn',
  waiting: 'idle',
};

export const outcomeTones: Record<AgentOutcome, Tone> = {
  applied: 'ok',
  failed: 'bad',
  noAnswer: 'bad',
  unconfirmed: 'warn',
};

export const cohortTones: Record<CohortState, Tone> = {
  running: 'info',
  stopped: 'bad',
  rolledBack: 'bad',
};

/** A cohort as people say it: "otelcol 0.149.0 linux/amd64". */
export function cohortText({ type, version, os, arch }: CohortTraits): string {
  if (type === null) return 'the smaller cohorts';
  const platform = [os, arch].filter(Boolean).join('/');
  return [type, version, platform].filter(Boolean).join(' ') || 'agents that do not say what they are';
}

/** Counts in the order of the tones above. */
export function countSegments(counts: RolloutCounts): Segment[] {
  return (Object.keys(rolloutAgentTones) as RolloutAgentState[]).map((state) => ({
    label: inWords(state),
    count: counts[state] ?? 0,
    tone: rolloutAgentTones[state],
  }));
}

/** `waveStarted` as "wave started". */
export function inWords(name: string): string {
  return name.replaceAll(
    /([a-z\d])([A-Z])/g,
    (_, before: string, after: string) => `${before} ${after.toLowerCase()}`,
  );
}

/** "1 agent", "1,200 agents". */
export function agentsText(count: number): string {
  return count === 1 ? '1 agent' : `${count.toLocaleString()} agents`;
}

/** How many agents cannot say what they make of a config, and what comes of it; empty: all can. */
export function cannotSayWords({
  byEffectiveConfig,
  unconfirmed,
}: {
  byEffectiveConfig: number;
  unconfirmed: number;
}): string {
  return [
    unconfirmed > 0 ? `${agentsText(unconfirmed)} cannot confirm and will count as unconfirmed` : '',
    byEffectiveConfig > 0
      ? `${agentsText(byEffectiveConfig)} cannot confirm and will be judged by the effective configuration`
      : '',
  ]
    .filter((text) => text !== '')
    .join('; ');
}
