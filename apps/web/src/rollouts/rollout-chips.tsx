import { StatusChip } from '../ui/status-chip.tsx';
import {
  inWords,
  rolloutAgentTones,
  rolloutTones,
  waveTones,
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
