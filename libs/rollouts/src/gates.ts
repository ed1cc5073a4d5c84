import type { Policy } from '@muster/configs/policy';
import { amountOf } from '@muster/configs/policy-members';
import type { WaveCounts } from './rollout-agent.ts';

export type Gate = 'maxFailed' | 'maxUnhealthy' | 'maxDisconnected';

/** What a person has accepted in a wave by resuming after a breach. */
export interface Accepted {
  readonly failed: number;
  readonly unhealthy: number;
  readonly disconnected: number;
}

export interface Breach {
  readonly gate: Gate;
  readonly wave: number;
  readonly count: number;
  /** The most that would have been tolerated. */
  readonly allowed: number;
}

const counted = { maxFailed: 'failed', maxUnhealthy: 'unhealthy', maxDisconnected: 'disconnected' } as const;
const gates = Object.keys(counted) as Gate[];

/** The first gate that does not hold, or null. `waves` are those the rollout has reached, in order. */
export function findBreach(
  policy: Policy,
  waves: readonly WaveCounts[],
  accepted: readonly Accepted[],
): Breach | null {
  for (const [wave, counts] of waves.entries()) {
    for (const gate of gates) {
      const limit = policy[gate];
      if (limit === null) continue;
      const allowed = Math.floor(amountOf(limit, counts.size)) + (accepted[wave]?.[counted[gate]] ?? 0);
      const count = counts[counted[gate]];
      if (count > allowed) return { gate, wave, count, allowed };
    }
  }
  return null;
}

/** What resuming accepts: all that went wrong so far. */
export function acceptAll(waves: readonly WaveCounts[]): Accepted[] {
  return waves.map(({ failed, unhealthy, disconnected }) => ({ failed, unhealthy, disconnected }));
}

/** The breach in words, for people. */
export function describeBreach({ gate, wave, count, allowed }: Breach): string {
  return `${count} ${counted[gate]} in wave ${wave + 1}, ${gate} allows ${allowed}`;
}
