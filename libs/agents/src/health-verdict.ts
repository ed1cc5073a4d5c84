import type { HealthScan } from '@muster/opamp/scan-health';

/**
 * Is the agent healthy? Null: not known. Supervisors say "not healthy", without an error and not
 * started, before they know better; the truth follows, so that is no news of trouble.
 */
export function healthyOf({ healthy, hasError, started }: HealthScan): boolean | null {
  const saysNothing = !healthy && !hasError && !started;
  return saysNothing ? null : healthy;
}
