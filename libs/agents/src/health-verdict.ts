import type { ComponentHealth } from '@muster/opamp/health';

/**
 * Is the agent healthy? Null: not known. Supervisors say "not healthy", without an error and not
 * started, before they know better; the truth follows, so that is no news of trouble.
 */
export function healthyOf(health: ComponentHealth): boolean | null {
  const saysNothing = !health.healthy && health.lastError === '' && health.startTimeUnixNano === '0';
  return saysNothing ? null : health.healthy;
}
