import { driftMeanings, type Drift } from '../drift/drift.ts';
import { RepairState } from '../drift/repair-state.tsx';
import { Notice } from '../ui/notice.tsx';
import { Panel } from '../ui/panel.tsx';
import { TimeAgo } from '../ui/time-ago.tsx';

/** How the agent is not what it should be. */
export function DriftPanel({ drift }: { drift: Drift }) {
  return (
    <Panel
      title="Drift"
      aside={
        <span className="muted">
          since <TimeAgo at={drift.since} />
        </span>
      }
    >
      <Notice tone="warn" title={driftMeanings[drift.kind]}>
        {drift.detail.length > 0 && (
          <>
            <p>Missing or different:</p>
            <ul aria-label="Missing or different">
              {drift.detail.map((path) => (
                <li key={path}>
                  <code>{path}</code>
                </li>
              ))}
            </ul>
          </>
        )}
      </Notice>
      <div>
        <RepairState drift={drift} />
      </div>
    </Panel>
  );
}
