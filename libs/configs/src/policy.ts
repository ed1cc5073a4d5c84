import { InvalidPolicy } from './errors.ts';
import type { MaintenanceWindow } from './maintenance-windows.ts';
import {
  oneOf,
  orNull,
  readAmount,
  readWaves,
  readWindows,
  wholeNumber,
  type Reader,
} from './policy-members.ts';

/** How a rollout goes forward and when it stops. */
export interface Policy {
  /** How far each wave reaches, counted from the first agent: a number ("1") or a share ("10%"). The last wave is everybody. */
  readonly waves: readonly string[];
  /** Agents offered per second at most; null: as many as `jitterSeconds` lets through. */
  readonly perSecond: number | null;
  /**
   * The offers of a wave are spread evenly over so long, so that its collectors do not restart in one moment.
   * Null: waves of more than 2,000 agents at 2,000 a second, smaller ones at once.
   */
  readonly jitterSeconds: number | null;
  /** An agent that has not answered an offer by then has failed. */
  readonly applyDeadlineSeconds: number;
  /** How long a wave is watched after its last agent has answered. */
  readonly soakSeconds: number;
  /** Failed agents tolerated in each wave: a number, or a share of the wave. */
  readonly maxFailed: string;
  /** The same for agents that are unhealthy after they applied and were not before; null: not looked at. */
  readonly maxUnhealthy: string | null;
  /**
   * The same for agents that were offered it and have been offline for as long as `applyDeadlineSeconds`; null: not
   * looked at.
   */
  readonly maxDisconnected: string | null;
  /** The same for agents that did not answer in time; null: they count as failed. */
  readonly maxNotConverged: string | null;
  readonly onBreach: 'pause' | 'rollback';
  /** Who stops at a breach: everybody, or the cohort whose share of the wave shows it. */
  readonly breachScope: 'rollout' | 'cohort';
  /** Who is not offered a version again after it failed: the agent, or every agent of its cohort. */
  readonly quarantine: 'agent' | 'cohort';
  /** Offers are made inside these alone; empty: at any time. */
  readonly windows: readonly MaintenanceWindow[];
}

export const defaultPolicy: Policy = {
  waves: ['1', '10%', '50%', '100%'],
  perSecond: null,
  jitterSeconds: null,
  applyDeadlineSeconds: 120,
  soakSeconds: 10,
  maxFailed: '0',
  maxUnhealthy: '2%',
  maxDisconnected: '2%',
  maxNotConverged: null,
  onBreach: 'pause',
  breachScope: 'rollout',
  quarantine: 'agent',
  windows: [],
};

const dayInSeconds = 24 * 3600;
const weekInSeconds = 7 * dayInSeconds;

const readers: { [M in keyof Policy]: Reader<Policy[M]> } = {
  waves: readWaves,
  perSecond: orNull(wholeNumber(1, 1_000_000)),
  jitterSeconds: orNull(wholeNumber(0, dayInSeconds)),
  applyDeadlineSeconds: wholeNumber(1, weekInSeconds),
  soakSeconds: wholeNumber(0, weekInSeconds),
  maxFailed: readAmount,
  maxUnhealthy: orNull(readAmount),
  maxDisconnected: orNull(readAmount),
  maxNotConverged: orNull(readAmount),
  onBreach: oneOf('pause', 'rollback'),
  breachScope: oneOf('rollout', 'cohort'),
  quarantine: oneOf('agent', 'cohort'),
  windows: readWindows,
};

/**
 * Reads a policy; members that are missing come from `defaults`. Throws `InvalidPolicy` that names the
 * member. Whole numbers are taken where "5" is meant.
 */
export function parsePolicy(value: unknown, defaults: Policy = defaultPolicy): Policy {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidPolicy('', 'must be an object');
  }
  const given = value as Record<string, unknown>;
  const unknown = Object.keys(given).find((key) => !Object.hasOwn(readers, key));
  if (unknown !== undefined) {
    throw new InvalidPolicy(unknown, `is not known; known are ${Object.keys(readers).join(', ')}`);
  }
  const members = Object.entries(readers).map(([member, read]) => [
    member,
    given[member] === undefined ? defaults[member as keyof Policy] : read(member, given[member]),
  ]);
  return Object.fromEntries(members) as Policy;
}
