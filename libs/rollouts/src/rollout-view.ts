import { windowAt } from '@muster/configs/maintenance-windows';
import { parsePolicy, type Policy } from '@muster/configs/policy';
import type { Cohort, CohortState } from './cohort.ts';
import { sum } from './gates.ts';
import { offerPace, type Offers } from './offer-pace.ts';
import { agentStates, type AgentCounts, type RolloutAgentState } from './rollout-agent.ts';
import type { RolloutState } from './rollout.ts';

/** A rollout as people see it. */
export interface Rollout {
  readonly id: string;
  readonly fleet: string;
  readonly configuration: string;
  readonly version: number;
  readonly state: RolloutState;
  /** Why it is in this state; empty when there is nothing to say. */
  readonly reason: string;
  readonly policy: Policy;
  /** When it was to start; null: at once. */
  readonly startAt: Date | null;
  /** When offers go on that a window, its pace or its start holds back; null: none does. */
  readonly waitsUntil: Date | null;
  /** Completed, and agents that were away get their turn when they return. */
  readonly catchingUp: boolean;
  /** Catching up stopped at a gate. */
  readonly halted: boolean;
  /** The wave under way, from 0. */
  readonly wave: number;
  readonly waves: readonly Wave[];
  readonly cohorts: readonly (Cohort & { readonly counts: AgentCounts })[];
  readonly counts: AgentCounts;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly finishedAt: Date | null;
}

export interface Wave {
  readonly index: number;
  readonly size: number;
  readonly state: 'pending' | 'running' | 'soaking' | 'passed' | 'stopped';
  readonly counts: AgentCounts;
  readonly cohorts: readonly WaveCohort[];
}

export interface WaveCohort {
  readonly cohort: number;
  readonly size: number;
  readonly counts: AgentCounts;
}

/** What is read of a rollout. */
export interface RolloutRow {
  id: string;
  fleet: string;
  configuration: string;
  version: number;
  state: RolloutState;
  reason: string;
  policy: Record<string, unknown>;
  wave: number;
  wave_count: number;
  wave_started_at: Date | null;
  wave_settled_at: Date | null;
  start_at: Date | null;
  offers: Offers[];
  catching_up: boolean;
  halted: boolean;
  created_at: Date;
  created_by: string;
  finished_at: Date | null;
  /** All of the wave under way; of the other waves who stands otherwise than its wave. */
  agents: { wave: number; cohort: number; state: RolloutAgentState; agents: number }[];
  parts: { wave: number; cohort: number; size: number }[];
  cohorts: {
    cohort: number;
    type: string | null;
    version: string;
    os: string;
    arch: string;
    size: number;
    state: CohortState;
    reason: string;
  }[];
}

/** `now` in Unix milliseconds. */
export function toRollout(row: RolloutRow, now: number): Rollout {
  const { id, fleet, configuration, version, state, reason, wave, halted } = row;
  const parts = row.parts.map((part) => ({ ...part, counts: countsOf(row, part) }));
  const waves = Array.from({ length: row.wave_count }, (_, index): Wave => {
    const cohorts = parts.filter((part) => part.wave === index);
    return {
      index,
      size: sum(cohorts, ({ size }) => size),
      state: waveState(row, index),
      counts: total(cohorts),
      cohorts: cohorts.map(({ cohort, size, counts }) => ({ cohort, size, counts })),
    };
  });
  const policy = parsePolicy(row.policy);
  return {
    id,
    fleet,
    configuration,
    version,
    state,
    reason,
    policy,
    startAt: row.start_at,
    waitsUntil: waitsUntil(row, policy, waves, now),
    catchingUp: row.catching_up,
    halted,
    wave,
    waves,
    cohorts: row.cohorts.map((cohort) => ({
      cohort: cohort.cohort,
      traits: traitsOf(cohort),
      size: cohort.size,
      state: cohort.state,
      reason: cohort.reason,
      counts: total(parts.filter((part) => part.cohort === cohort.cohort)),
    })),
    counts: total(parts),
    createdAt: row.created_at,
    createdBy: row.created_by,
    finishedAt: row.finished_at,
  };
}

function traitsOf({ type, version, os, arch }: RolloutRow['cohorts'][number]): Cohort['traits'] {
  return type === null ? null : { type, version, os, arch };
}

function countsOf(row: RolloutRow, { wave, cohort, size }: RolloutRow['parts'][number]): AgentCounts {
  const counts = noAgents();
  const seen = row.agents.filter((count) => count.wave === wave && count.cohort === cohort);
  for (const { state, agents } of seen) counts[state] += agents;
  const usual = usualState(row, wave, cohort);
  if (usual !== null) counts[usual] += size - sum(seen, ({ agents }) => agents);
  return counts;
}

/** How agents stand of which nothing else is known; null: all are known. */
function usualState(row: RolloutRow, wave: number, cohort: number): RolloutAgentState | null {
  if (row.state === 'completed' || wave < row.wave) return 'applied';
  if (wave === row.wave) return null;
  const stopped = row.cohorts.some((one) => one.cohort === cohort && one.state !== 'running');
  return stopped ? 'stopped' : 'waiting';
}

function waitsUntil(row: RolloutRow, policy: Policy, waves: readonly Wave[], now: number): Date | null {
  if (row.state === 'scheduled') return row.start_at;
  if (row.state !== 'running' && !(row.catching_up && !row.halted)) return null;
  const window = windowAt(policy.windows, now);
  if (!window.open) return window.changesAt === null ? null : new Date(window.changesAt);
  const wave = waves[row.wave];
  if (row.state !== 'running' || !wave || wave.counts.waiting === 0) return null;
  const pace = offerPace(policy, row.offers, wave.size, now);
  return 'until' in pace ? new Date(pace.until) : null;
}

function waveState(row: RolloutRow, index: number): Wave['state'] {
  if (row.state === 'completed' || index < row.wave) return 'passed';
  if (index > row.wave) return 'pending';
  if (row.state === 'scheduled' || (row.state === 'running' && row.wave_started_at === null))
    return 'pending';
  if (row.state !== 'running') return 'stopped';
  return row.wave_settled_at === null ? 'running' : 'soaking';
}

function noAgents(): AgentCounts {
  return Object.fromEntries(agentStates.map((state) => [state, 0])) as AgentCounts;
}

function total(parts: readonly { counts: AgentCounts }[]): AgentCounts {
  const counts = noAgents();
  for (const part of parts) for (const state of agentStates) counts[state] += part.counts[state];
  return counts;
}
