import { InvalidPolicy } from './errors.ts';

/** How a rollout goes forward and when it stops. */
export interface Policy {
  /** How far each wave reaches, counted from the first agent: a number ("1") or a share ("10%"). The last wave is everybody. */
  readonly waves: readonly string[];
  /** Agents offered per second at most; null: all of a wave at once. */
  readonly perSecond: number | null;
  /** An agent that has not answered an offer by then has failed. */
  readonly applyDeadlineSeconds: number;
  /** How long a wave is watched after its last agent has answered. */
  readonly soakSeconds: number;
  /** Failed agents tolerated in each wave: a number, or a share of the wave. */
  readonly maxFailed: string;
  /** The same for agents that are unhealthy after they applied; null: not looked at. */
  readonly maxUnhealthy: string | null;
  /** The same for agents that went offline after they were offered; null: not looked at. */
  readonly maxDisconnected: string | null;
  readonly onBreach: 'pause' | 'rollback';
}

export const defaultPolicy: Policy = {
  waves: ['1', '10%', '50%', '100%'],
  perSecond: null,
  applyDeadlineSeconds: 120,
  soakSeconds: 10,
  maxFailed: '0',
  maxUnhealthy: null,
  maxDisconnected: null,
  onBreach: 'pause',
};

const weekInSeconds = 7 * 24 * 3600;

/**
 * Reads a policy; members that are missing come from `defaults`. Throws `InvalidPolicy` that names the
 * member. Whole numbers are taken where "5" is meant.
 */
export function parsePolicy(value: unknown, defaults: Policy = defaultPolicy): Policy {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidPolicy('', 'must be an object');
  }
  const given = value as Record<string, unknown>;
  const unknown = Object.keys(given).find((key) => !Object.hasOwn(defaultPolicy, key));
  if (unknown !== undefined) {
    throw new InvalidPolicy(unknown, `is not known; known are ${Object.keys(defaultPolicy).join(', ')}`);
  }
  const take = <T>(member: keyof Policy, read: (member: string, value: unknown) => T, fallback: T): T =>
    given[member] === undefined ? fallback : read(member, given[member]);
  return {
    waves: take('waves', readWaves, defaults.waves),
    perSecond: take('perSecond', orNull(wholeNumber(1, 1_000_000)), defaults.perSecond),
    applyDeadlineSeconds: take(
      'applyDeadlineSeconds',
      wholeNumber(1, weekInSeconds),
      defaults.applyDeadlineSeconds,
    ),
    soakSeconds: take('soakSeconds', wholeNumber(0, weekInSeconds), defaults.soakSeconds),
    maxFailed: take('maxFailed', readAmount, defaults.maxFailed),
    maxUnhealthy: take('maxUnhealthy', orNull(readAmount), defaults.maxUnhealthy),
    maxDisconnected: take('maxDisconnected', orNull(readAmount), defaults.maxDisconnected),
    onBreach: take('onBreach', readOnBreach, defaults.onBreach),
  };
}

/** The number an amount stands for among `total`: "3" is 3, "10%" its share before rounding. */
export function amountOf(amount: string, total: number): number {
  return amount.endsWith('%') ? (Number(amount.slice(0, -1)) * total) / 100 : Number(amount);
}

function readWaves(member: string, value: unknown): string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > 100) {
    throw new InvalidPolicy(member, 'must be a list of 1 to 100 waves, such as ["1", "10%", "100%"]');
  }
  const waves = value.map((wave, index) => readAmount(`${member}[${index}]`, wave));
  for (const [index, wave] of waves.entries()) {
    const before = waves.slice(0, index).findLast((other) => other.endsWith('%') === wave.endsWith('%'));
    if (amountOf(wave, 100) <= amountOf(before ?? '0', 100)) {
      throw new InvalidPolicy(`${member}[${index}]`, `must reach further than ${before ?? '0'}`);
    }
  }
  return waves;
}

function readAmount(member: string, value: unknown): string {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text === 'string' && /^\d{1,9}$/.test(text)) return String(Number(text));
  if (typeof text === 'string' && /^\d{1,3}(\.\d{1,3})?%$/.test(text) && amountOf(text, 100) <= 100)
    return text;
  throw new InvalidPolicy(member, 'must be a number of agents ("2") or a share up to 100 % ("2%")');
}

function wholeNumber(least: number, most: number) {
  return (member: string, value: unknown): number => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidPolicy(member, `must be a whole number from ${least} to ${most}`);
  };
}

function orNull<T>(read: (member: string, value: unknown) => T) {
  return (member: string, value: unknown): T | null => (value === null ? null : read(member, value));
}

function readOnBreach(member: string, value: unknown): Policy['onBreach'] {
  if (value === 'pause' || value === 'rollback') return value;
  throw new InvalidPolicy(member, 'must be "pause" or "rollback"');
}
