import type { ComponentHealth } from '@muster/opamp/health';
import { cleanText, columnJson, maxJson } from './column-text.ts';

/** A ComponentHealth as the columns of `agent_states`. */
export interface HealthColumns {
  /** JSON text of the tree. */
  health: string;
  /** Null: unknown. */
  healthy: boolean | null;
}

/** `changed` is called when not all of it could be kept. */
export function healthColumns(health: ComponentHealth, changed: () => void): HealthColumns {
  const json = columnJson(health);
  if (json.changed) changed();
  if (json.text.length <= maxJson) return { health: json.text, healthy: healthyOf(health) };
  changed();
  const top = {
    ...health,
    status: cleanText(health.status),
    lastError: cleanText(health.lastError),
    attributes: {},
    components: {},
  };
  return { health: columnJson(top).text, healthy: healthyOf(health) };
}

/**
 * Supervisors say "not healthy", without an error and not started, before they know better; the truth
 * follows. That is no news of trouble.
 */
function healthyOf({ healthy, lastError, startTimeUnixNano }: ComponentHealth): boolean | null {
  return !healthy && lastError === '' && startTimeUnixNano === '0' ? null : healthy;
}
