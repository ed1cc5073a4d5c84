import { Breakable } from '../ui/breakable.tsx';
import { TimeAgo } from '../ui/time-ago.tsx';
import { HealthChip } from './agent-chips.tsx';
import type { ComponentHealth } from './agent.ts';
import { hasUnhealthyPart, nanosToDateTime } from './health.ts';
import './health-tree.css';

/** Health of an agent and its parts. Healthy parts start closed below the first level. */
export function HealthTree({ name, health }: { name: string; health: ComponentHealth }) {
  return (
    <ul className="health-tree">
      <HealthNode name={name} health={health} depth={0} />
    </ul>
  );
}

function HealthNode({ name, health, depth }: { name: string; health: ComponentHealth; depth: number }) {
  const parts = Object.entries(health.components);
  if (parts.length === 0) {
    return (
      <li className="health-leaf">
        <HealthLine name={name} health={health} />
      </li>
    );
  }
  return (
    <li>
      <details open={depth === 0 || hasUnhealthyPart(health)}>
        <summary>
          <HealthLine name={name} health={health} />
        </summary>
        <ul>
          {parts.map(([part, partHealth]) => (
            <HealthNode key={part} name={part} health={partHealth} depth={depth + 1} />
          ))}
        </ul>
      </details>
    </li>
  );
}

function HealthLine({ name, health }: { name: string; health: ComponentHealth }) {
  const startedAt = nanosToDateTime(health.startTimeUnixNano);
  return (
    <span className="health-line">
      <span className="mono break">
        <Breakable text={name} />
      </span>
      <HealthChip healthy={health.healthy} />
      {health.status && <span className="muted">{health.status}</span>}
      {startedAt && (
        <span className="muted">
          started <TimeAgo at={startedAt} />
        </span>
      )}
      {health.lastError && <span className="health-error">{health.lastError}</span>}
    </span>
  );
}
