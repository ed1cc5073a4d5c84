import { Breakable } from '../ui/breakable.tsx';
import { EmptyState } from '../ui/empty-state.tsx';
import { Panel } from '../ui/panel.tsx';
import type { AgentDetail, ComponentDetails } from './agent.ts';
import './components-panel.css';

type Components = NonNullable<AgentDetail['components']>['components'];

/** What the agent is built of, grouped by kind: receivers, processors, exporters and so on. */
export function ComponentsPanel({ components }: { components: Components | null }) {
  const kinds = Object.entries(components ?? {});
  return (
    <Panel title="Available components">
      {kinds.map(([kind, details]) => (
        <ComponentKind key={kind} kind={kind} details={details} />
      ))}
      {kinds.length === 0 && <EmptyState title="This agent has not reported its components." />}
    </Panel>
  );
}

function ComponentKind({ kind, details }: { kind: string; details: ComponentDetails }) {
  const parts = Object.entries(details.components).sort(([a], [b]) => a.localeCompare(b));
  return (
    <details className="component-kind">
      <summary>
        <strong>{kind}</strong> <span className="muted">{parts.length}</span>
      </summary>
      <ul>
        {parts.map(([name, { metadata }]) => (
          <li key={name}>
            <span className="mono break">
              <Breakable text={name} />
            </span>
            <span className="muted break">
              <Breakable text={metadataText(metadata)} />
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}

function metadataText(metadata: Record<string, unknown>) {
  return Object.values(metadata)
    .map((value) => (typeof value === 'string' ? value : JSON.stringify(value)))
    .join(' · ');
}
