import { useMemo } from 'react';
import { Link } from 'react-router';
import { useLiveQuery } from '../live-query.ts';
import { serverErrors } from '../server-error.ts';
import { CodeView } from '../ui/code-view.tsx';
import { DataTable, type Column } from '../ui/data-table.tsx';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { Notice } from '../ui/notice.tsx';
import { Panel } from '../ui/panel.tsx';
import { StatusChip } from '../ui/status-chip.tsx';
import { TimeAgo } from '../ui/time-ago.tsx';
import { versionText } from './agent.ts';
import { agentSignals, explanationQuery } from './agents.queries.ts';
import type {
  ExplainedConfiguration,
  ExplainedFleet,
  ExplainedOverlay,
  NextConfiguration,
} from './explanation.ts';
import './explanation-panel.css';

/** Why the agent gets what it gets: fleets, overlays, variables, and the text that comes of them. */
export function ExplanationPanel({ uid }: { uid: string }) {
  const signals = useMemo(() => agentSignals(uid), [uid]);
  const { data, error } = useLiveQuery(explanationQuery, { uid }, signals);
  const explanation = data?.agent?.explanation;
  return (
    <Panel title="Why this configuration?">
      <ErrorNotice errors={serverErrors(error)} />
      {explanation && (
        <>
          <p>{explanation.why}</p>
          {explanation.fleets.length > 0 && (
            <DataTable
              label="Fleets that match"
              columns={fleetColumns}
              rows={explanation.fleets}
              rowKey={({ name }) => name}
            />
          )}
          {explanation.configuration ? (
            <Rendering configuration={explanation.configuration} />
          ) : (
            <p className="muted">Nothing is assigned to this agent.</p>
          )}
        </>
      )}
    </Panel>
  );
}

const fleetColumns: Column<ExplainedFleet>[] = [
  { header: 'Fleet', cell: ({ name }) => <Link to={`/fleets/${name}`}>{name}</Link> },
  { header: 'Priority', cell: ({ priority }) => priority, kind: 'number' },
  { header: 'Wins', cell: ({ wins }) => wins && <StatusChip tone="ok">wins</StatusChip> },
  { header: 'Selector', cell: ({ selector }) => <code>{selector || 'every agent'}</code>, kind: 'text' },
  {
    header: 'Matches by',
    cell: ({ requirements }) => <Evidence requirements={requirements} />,
    kind: 'text',
  },
];

/** Who says what the selector asks for. */
function Evidence({ requirements }: Pick<ExplainedFleet, 'requirements'>) {
  if (requirements.length === 0) return <span className="muted">it matches every agent</span>;
  return (
    <ul className="evidence">
      {requirements.map(({ requirement, saidBy, source }) => (
        <li key={requirement}>
          <code>{requirement}</code>{' '}
          <span className={source === 'attribute' ? undefined : 'muted'}>{saidBy}</span>
        </li>
      ))}
    </ul>
  );
}

function Rendering({ configuration }: { configuration: ExplainedConfiguration }) {
  const { overlays, variables, files, error, targetHash, next, quarantine } = configuration;
  return (
    <>
      <p>
        <Source configuration={configuration} />
        {targetHash !== null && ' The text below is what the agent was given.'}
      </p>
      {quarantine && <Quarantine quarantine={quarantine} />}
      {targetHash === null && files && (
        <Notice tone="info">
          <p>The text below has not been given to the agent yet.</p>
        </Notice>
      )}
      {next && <Next next={next} />}
      {overlays.length > 0 && (
        <div className="explained">
          <h3>Overlays, in the order they are merged</h3>
          <ol>
            {overlays.map((overlay) => (
              <li key={overlay.index}>
                <OverlayChip overlay={overlay} />
                <span>
                  Overlay {overlay.index + 1} of the {overlay.file ? <code>{overlay.file}</code> : 'body'} for{' '}
                  {overlay.selector ? <code>{overlay.selector}</code> : 'every agent'}
                </span>
              </li>
            ))}
          </ol>
        </div>
      )}
      {variables.length > 0 && <Variables variables={variables} />}
      {error !== null && (
        <Notice tone="bad" title="It is not given to this agent">
          <pre>{error}</pre>
        </Notice>
      )}
      {files && <RenderedText files={files} />}
    </>
  );
}

function Source({ configuration }: { configuration: ExplainedConfiguration }) {
  const { name, version, source, rollout } = configuration;
  return (
    <>
      <Link to={`/configurations/${name}?version=${version}`}>{versionText({ name, version })}</Link>{' '}
      {source === 'rollout' && rollout !== null ? (
        <>
          comes from a <Link to={`/rollouts/${rollout}`}>rollout</Link>.
        </>
      ) : (
        'is the stable version of the fleet.'
      )}
    </>
  );
}

function Quarantine({
  quarantine: { name, version, reason, since, instead },
}: {
  quarantine: NonNullable<ExplainedConfiguration['quarantine']>;
}) {
  return (
    <Notice tone="bad" title={`In quarantine for ${versionText({ name, version })}`}>
      <p>
        It failed this version <TimeAgo at={since} />, and is not offered it until somebody lifts that. It is
        offered {instead ? versionText(instead) : 'nothing'} instead.
      </p>
      <pre>{reason}</pre>
    </Notice>
  );
}

/** What the fleet wants and the agent does not have yet. */
function Next({ next: { name, version, files, error } }: { next: NextConfiguration }) {
  if (error !== null) {
    return (
      <Notice tone="bad" title={`${versionText({ name, version })} is not given to this agent`}>
        <p>Its fleet wants it to have that version. It keeps the text below, since:</p>
        <pre>{error}</pre>
        {files && <RenderedText files={files} />}
      </Notice>
    );
  }
  return (
    <Notice tone="warn" title={`${versionText({ name, version })} is to come`}>
      <p>
        The agent, a label, a variable or the fleet has changed since the agent was given the text below. It
        gets the new one at the pace of its fleet.
      </p>
      {files && <RenderedText files={files} />}
    </Notice>
  );
}

function OverlayChip({ overlay }: { overlay: ExplainedOverlay }) {
  return overlay.applied ? (
    <StatusChip tone="ok">applied</StatusChip>
  ) : (
    <StatusChip tone="idle">does not match</StatusChip>
  );
}

const variableColumns: Column<{ name: string; value: string | null }>[] = [
  { header: 'Variable', cell: ({ name }) => <code>{name}</code> },
  {
    header: 'Value',
    cell: ({ value }) => (value === null ? <span className="muted">has none</span> : <code>{value}</code>),
    kind: 'text',
  },
];

function Variables({ variables }: { variables: ExplainedConfiguration['variables'] }) {
  return (
    <DataTable
      label="Variables the templates read"
      columns={variableColumns}
      rows={variables}
      rowKey={({ name }) => name}
    />
  );
}

function RenderedText({ files }: { files: Record<string, string> }) {
  const entries = Object.entries(files);
  return (
    <details className="rendered-text">
      <summary>Rendered text{entries.length > 1 && ` (${entries.length} files)`}</summary>
      <div className="stack">
        {entries.map(([name, text]) => (
          <CodeView key={name} title={name || 'configuration'} text={text} />
        ))}
      </div>
    </details>
  );
}
