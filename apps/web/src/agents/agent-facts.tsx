import { Breakable } from '../ui/breakable.tsx';
import { KeyValues } from '../ui/key-values.tsx';
import { Panel } from '../ui/panel.tsx';
import { TimeAgo } from '../ui/time-ago.tsx';
import type { AgentDetail } from './agent.ts';
import './agent-facts.css';

/** What the agent says of itself. */
export function AttributesPanel({
  title,
  attributes,
}: {
  title: string;
  attributes: Record<string, unknown>;
}) {
  const entries = Object.entries(attributes)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([key, value]): [string, string] => [
      key,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]);
  return (
    <Panel title={title}>
      {entries.length > 0 ? <KeyValues mono entries={entries} /> : <p className="muted">none</p>}
    </Panel>
  );
}

/** What the agent can do, in the specification's words. */
export function CapabilitiesPanel({ capabilities }: { capabilities: string[] }) {
  return (
    <Panel title="Capabilities">
      {capabilities.length === 0 && <p className="muted">none</p>}
      <ul className="capabilities">
        {capabilities.map((capability) => (
          <li key={capability}>{capability}</li>
        ))}
      </ul>
    </Panel>
  );
}

/** How the agent is, or was, connected. */
export function ConnectionPanel({ agent }: { agent: AgentDetail }) {
  const { connection } = agent;
  return (
    <Panel title="Connection">
      <KeyValues
        entries={[
          [
            'Instance uid',
            <code key="uid">
              <Breakable text={agent.uid} />
            </code>,
          ],
          ['Transport', agent.transport],
          ['Remote address', connection?.remoteAddress || 'unknown'],
          ['Gateway', connection?.gateway || 'none'],
          ['Enrollment token', connection?.enrollmentToken ?? 'none'],
          ['Connected', <TimeAgo key="connected" at={agent.connectedAt} />],
          ['Enrolled', <TimeAgo key="enrolled" at={agent.enrolledAt} />],
        ]}
      />
    </Panel>
  );
}
