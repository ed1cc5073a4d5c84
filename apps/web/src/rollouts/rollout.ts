import type { Tone } from '../ui/status-chip.tsx';
import type { Segment } from '../ui/count-bar.tsx';

export type RolloutState =
  'scheduled' | 'running' | 'paused' | 'completed' | 'rollingBack' | 'rolledBack' | 'aborted' | 'replaced';

export type RolloutAgentState =
  'waiting' | 'offered' | 'applied' | 'failed' | 'deferred' | 'quarantined' | 'rolledBack';
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
}

export interface RolloutAgent {
  uid: string;
  name: string;
  wave: number;
  state: RolloutAgentState;
  error: string;
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

/** What a person may ask of a rollout in this state. */
export function allowedOrders(state: RolloutState): RolloutOrder[] {
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
  waiting: 'idle',
};

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

/** What an event says beyond its kind: "wave 2, agents 3". Waves count from 1 here; nested values are left out. */
export function detailText(detail: Record<string, unknown>): string {
  return Object.entries(detail)
    .filter(([, value]) => value !== '' && typeof value !== 'object')
    .map(([key, value]) => `${inWords(key)} ${key === 'wave' ? Number(value) + 1 : String(value)}`)
    .join(', ');
}
