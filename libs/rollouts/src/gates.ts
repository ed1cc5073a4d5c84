import type { Policy } from '@muster/configs/policy';
import { amountOf } from '@muster/configs/policy-members';
import type { CohortCounts } from './rollout-agent.ts';

const words = {
  maxFailed: 'failed',
  maxNotConverged: 'without an answer',
  maxUnhealthy: 'unhealthy',
  maxDisconnected: 'disconnected',
} as const;
export type Gate = keyof typeof words;
const gates = Object.keys(words) as Gate[];

/** What gates look at. */
export type GateCounts = Pick<CohortCounts, 'failed' | 'notConverged' | 'unhealthy' | 'disconnected'>;

/** What a person has accepted in a cohort's part of a wave by resuming after a breach. */
export interface Accepted extends GateCounts {
  readonly wave: number;
  readonly cohort: number;
}

export interface Breach {
  readonly gate: Gate;
  readonly wave: number;
  /** The cohort that breaches it; null: the wave as a whole. */
  readonly cohort: number | null;
  readonly count: number;
  /** The most that would have been tolerated. */
  readonly allowed: number;
  /** Which cohorts contributed. */
  readonly cohorts: readonly { readonly cohort: number; readonly count: number; readonly size: number }[];
}

/**
 * The first gate that does not hold, or null. `reached` are the waves the rollout has come to; cohorts in
 * `stopped` are not looked at.
 */
export function findBreach(
  policy: Policy,
  reached: readonly CohortCounts[],
  accepted: readonly Accepted[],
  stopped: ReadonlySet<number>,
): Breach | null {
  const counted = reached.filter(({ cohort }) => !stopped.has(cohort));
  const byCohort = policy.breachScope === 'cohort';
  const groups = Map.groupBy(counted, ({ wave, cohort }) => (byCohort ? `${wave} ${cohort}` : `${wave}`));
  for (const group of groups.values()) {
    const { wave, cohort } = group[0]!;
    const acceptedHere = accepted.filter(
      (entry) => entry.wave === wave && group.some((part) => part.cohort === entry.cohort),
    );
    for (const gate of gates) {
      const limit = policy[gate];
      if (limit === null) continue;
      const size = sum(group, (part) => part.size);
      const allowed =
        Math.floor(amountOf(limit, size)) + sum(acceptedHere, (entry) => gated(policy, gate, entry));
      const count = sum(group, (part) => gated(policy, gate, part));
      if (count <= allowed) continue;
      const cohorts = group
        .map((part) => ({ cohort: part.cohort, count: gated(policy, gate, part), size: part.size }))
        .filter((part) => part.count > 0);
      return { gate, wave, cohort: byCohort ? cohort : null, count, allowed, cohorts };
    }
  }
  return null;
}

/** Agents without an answer have a gate of their own, or count as failed. */
function gated(policy: Policy, gate: Gate, counts: GateCounts): number {
  switch (gate) {
    case 'maxFailed':
      return policy.maxNotConverged === null ? counts.failed : counts.failed - counts.notConverged;
    case 'maxNotConverged':
      return counts.notConverged;
    case 'maxUnhealthy':
      return counts.unhealthy;
    case 'maxDisconnected':
      return counts.disconnected;
  }
}

/** Gates whose counts fall when agents answer later than they were waited for. */
export const answeredLater: readonly Gate[] = ['maxFailed', 'maxNotConverged'];

/** What a gate that was breached counts by now where it was breached, and what it allowed there. */
export function countOf(
  policy: Policy,
  { gate, wave, cohort, allowed }: ShownBreach,
  reached: readonly CohortCounts[],
): { readonly count: number; readonly allowed: number } {
  const parts = reached.filter((part) => part.wave === wave && (cohort === null || part.cohort === cohort));
  const size = sum(parts, (part) => part.size);
  return {
    count: sum(parts, (part) => gated(policy, gate, part)),
    allowed: allowed ?? Math.floor(amountOf(policy[gate] ?? '0', size)),
  };
}

/** Of what was accepted, what is still there: failures that were none in the end make no room for others. */
export function stillAccepted(
  accepted: readonly Accepted[],
  reached: readonly CohortCounts[],
): readonly Accepted[] {
  return accepted.map((entry) => {
    const part = reached.find(({ wave, cohort }) => wave === entry.wave && cohort === entry.cohort);
    if (!part || (entry.failed <= part.failed && entry.notConverged <= part.notConverged)) return entry;
    const notConverged = Math.min(entry.notConverged, part.notConverged);
    return { ...entry, failed: Math.min(entry.failed, part.failed), notConverged };
  });
}

/** All that went wrong so far. */
export function acceptAll(reached: readonly CohortCounts[]): Accepted[] {
  return reached
    .map(({ wave, cohort, failed, notConverged, unhealthy, disconnected }) => ({
      wave,
      cohort,
      failed,
      notConverged,
      unhealthy,
      disconnected,
    }))
    .filter((entry) => entry.failed + entry.unhealthy + entry.disconnected > 0);
}

/** Which gate a breach was of, and whose. */
export type ShownBreach = Pick<Breach, 'gate' | 'wave' | 'cohort'> & {
  /** Absent: written by an older release. */
  readonly allowed?: number;
};

/**
 * What resuming accepts beside what was accepted before: of each gate that was shown to be breached, what it counts
 * by now where it was breached. No other gate has spoken, and none is overruled.
 */
export function acceptShown(
  policy: Policy,
  reached: readonly CohortCounts[],
  accepted: readonly Accepted[],
  shown: readonly ShownBreach[],
): Accepted[] {
  const parts = reached.map((part): Accepted => {
    const { wave, cohort } = part;
    const before = accepted.find((entry) => entry.wave === wave && entry.cohort === cohort);
    const entry = { failed: 0, notConverged: 0, unhealthy: 0, disconnected: 0, ...before, wave, cohort };
    for (const breach of shown) {
      if (breach.wave !== wave || (breach.cohort !== null && breach.cohort !== cohort)) continue;
      const more = gated(policy, breach.gate, part) - gated(policy, breach.gate, entry);
      if (more <= 0) continue;
      if (breach.gate === 'maxUnhealthy') entry.unhealthy += more;
      else if (breach.gate === 'maxDisconnected') entry.disconnected += more;
      else {
        // Agents without an answer are among the failed.
        entry.failed += more;
        if (breach.gate === 'maxNotConverged') entry.notConverged += more;
      }
    }
    return entry;
  });
  return parts.filter((entry) => entry.failed + entry.unhealthy + entry.disconnected > 0);
}

/** A breach that is none any more, in words, for people. */
export function describeEnded(reason: string, count: number): string {
  return `${reason}; they answered since, and it counts ${count} now: no breach any more`;
}

/** The breach in words, for people. */
export function describeBreach({ gate, wave, count, allowed }: Breach): string {
  return `${count} ${words[gate]} in wave ${wave + 1}, ${gate} allows ${allowed}`;
}

/** The sum of what `value` says of each. */
export function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
