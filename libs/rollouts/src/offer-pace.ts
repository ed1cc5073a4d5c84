import type { Policy } from '@muster/configs/policy';

/** Waves that are larger than this are spread, at so many agents a second. */
const largeWave = 2_000;
const stepsPerSecond = 4;

/** Offers made at one time, Unix milliseconds. */
export interface Offers {
  readonly at: number;
  readonly count: number;
}

/** How many agents may be offered now, or when to ask again. */
export type Pace = { readonly allowed: number } | { readonly until: number };

/**
 * The pace of offers: no more than `perSecond` in any second, those of a wave spread over `jitterSeconds`.
 *
 * @param offers the latest ones, at least those of the last second and the last of all
 * @param waveSize how many agents the wave under way has
 */
export function offerPace(
  policy: Pick<Policy, 'perSecond' | 'jitterSeconds'>,
  offers: readonly Offers[],
  waveSize: number,
  now: number,
): Pace {
  const limited = withinSecond(policy.perSecond, offers, now);
  const spread = spreadOut(ratePerSecond(policy.jitterSeconds, waveSize), offers.at(-1)?.at, now);
  if ('until' in limited) return 'until' in spread && spread.until > limited.until ? spread : limited;
  if ('until' in spread) return spread;
  return { allowed: Math.min(limited.allowed, spread.allowed) };
}

/** Of `offers`, those that `offerPace` still asks for at `now`. */
export function offersToKeep(offers: readonly Offers[], now: number): Offers[] {
  return offers.filter(({ at }, index) => at > now - 1000 || index === offers.length - 1);
}

function withinSecond(perSecond: number | null, offers: readonly Offers[], now: number): Pace {
  if (perSecond === null) return { allowed: Infinity };
  const recent = offers.filter(({ at }) => at > now - 1000);
  const allowed = perSecond - recent.reduce((total, { count }) => total + count, 0);
  return allowed > 0 ? { allowed } : { until: Math.min(...recent.map(({ at }) => at)) + 1000 };
}

function ratePerSecond(jitterSeconds: number | null, waveSize: number): number {
  if (jitterSeconds === null) return waveSize > largeWave ? largeWave : Infinity;
  return jitterSeconds === 0 ? Infinity : waveSize / jitterSeconds;
}

/** A few agents at a time; what a late look has missed it makes good, up to a second's worth. */
function spreadOut(rate: number, last: number | undefined, now: number): Pace {
  if (rate === Infinity) return { allowed: Infinity };
  const atOnce = Math.max(1, Math.round(rate / stepsPerSecond));
  if (last === undefined) return { allowed: atOnce };
  const next = Math.ceil(last + (atOnce * 1000) / rate);
  if (now < next) return { until: next };
  const missed = Math.floor(((now - last) * rate) / 1000);
  return { allowed: Math.max(atOnce, Math.min(missed, Math.ceil(rate))) };
}
