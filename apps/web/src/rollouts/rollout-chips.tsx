import { StatusChip } from '../ui/status-chip.tsx';
import {
  cohortTones,
  inWords,
  outcomeTones,
  rolloutAgentTones,
  rolloutTones,
  waveTones,
  type AgentOutcome,
  type CohortState,
  type RolloutAgentState,
  type RolloutState,
  type WaveState,
} from './rollout.ts';

export function RolloutStateChip({ state }: { state: RolloutState }) {
  return <StatusChip tone={rolloutTones[state]}>{inWords(state)}</StatusChip>;
}

export function WaveStateChip({ state }: { state: WaveState }) {
  return <StatusChip tone={waveTones[state]}>{state}</StatusChip>;
}

export function RolloutAgentStateChip({ state }: { state: RolloutAgentState }) {
  return <StatusChip tone={rolloutAgentTones[state]}>{inWords(state)}</StatusChip>;
}

export function OutcomeChip({ outcome }: { outcome: AgentOutcome }) {
  return <StatusChip tone={outcomeTones[outcome]}>{inWords(outcome)}</StatusChip>;
}

export function CohortStateChip({ state }: { state: CohortState }) {
  return (
    <StatusChip tone={cohortTones[state]}>{state === 'running' ? 'goes on' : inWords(state)}</StatusChip>
  );
}

/** Agents that were away get their turn when they return. */
export function CatchingUpChip({ halted }: { halted: boolean }) {
  return halted ? (
    <StatusChip tone="warn">catching up halted</StatusChip>
  ) : (
    <StatusChip tone="info">catching up</StatusChip>
  );
}
