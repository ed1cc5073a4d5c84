import type { ComponentHealth } from './agent.ts';

/** Does the component, or anything in it, say that it is not healthy? */
export function hasUnhealthyPart(health: ComponentHealth): boolean {
  return !health.healthy || Object.values(health.components).some(hasUnhealthyPart);
}

/** Nanoseconds since 1970 as an RFC 3339 time; null when not set. */
export function nanosToDateTime(nanoseconds: string): string | null {
  if (!/^[1-9]\d*$/.test(nanoseconds)) return null;
  const date = new Date(Number(BigInt(nanoseconds) / 1_000_000n));
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
