import { useMemo } from 'react';
import { useParams } from 'react-router';
import { useLiveQuery } from '../live-query.ts';
import { NotFoundPage } from '../not-found-page.tsx';
import { serverErrors } from '../server-error.ts';
import { CodeView } from '../ui/code-view.tsx';
import { EmptyState } from '../ui/empty-state.tsx';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { Notice } from '../ui/notice.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { Panel } from '../ui/panel.tsx';
import { TimeAgo } from '../ui/time-ago.tsx';
import { AgentActions } from './agent-actions.tsx';
import { AgentStatusChip, HealthChip } from './agent-chips.tsx';
import { AgentQuarantines } from './agent-quarantines.tsx';
import { AttributesPanel, CapabilitiesPanel, ConnectionPanel } from './agent-facts.tsx';
import { agentTitle, type AgentDetail, type CredentialFinding } from './agent.ts';
import { agentQuery, agentSignals } from './agents.queries.ts';
import { ComponentsPanel } from './components-panel.tsx';
import { ConfigurationPanel } from './configuration-panel.tsx';
import { DriftPanel } from './drift-panel.tsx';
import { ExplanationPanel } from './explanation-panel.tsx';
import { HealthTree } from './health-tree.tsx';
import { LabelsPanel } from './labels-panel.tsx';
import { PackagesPanel } from './packages-panel.tsx';
import './agent-page.css';

/** Everything about one agent, live. */
export function AgentPage() {
  const { uid = '' } = useParams();
  const signals = useMemo(() => agentSignals(uid), [uid]);
  const { data, error } = useLiveQuery(agentQuery, { uid }, signals);
  const errors = serverErrors(error);
  if (errors.some(({ code }) => code === 'unknown-agent') || (data && !data.agent)) {
    return <NotFoundPage what="agent" />;
  }
  return (
    <>
      <ErrorNotice errors={errors} />
      {data?.agent && <AgentSections agent={data.agent} />}
    </>
  );
}

function AgentSections({ agent }: { agent: AgentDetail }) {
  return (
    <>
      <PageHeader
        title={agentTitle(agent)}
        parent={{ to: '/agents', title: 'Agents' }}
        actions={<AgentActions agent={agent} />}
      >
        <AgentStatusChip status={agent.status} />
        <HealthChip healthy={agent.healthy} />
        <span>{[agent.type, agent.version].filter(Boolean).join(' ')}</span>
        <span>{[agent.os, agent.arch].filter(Boolean).join(' / ')}</span>
        <span>
          last seen <TimeAgo at={agent.lastSeenAt} />
        </span>
      </PageHeader>
      <div className="agent-columns">
        <div className="stack">
          <ConfigurationPanel agent={agent} />
          {agent.drift && <DriftPanel drift={agent.drift} />}
          <AgentQuarantines uid={agent.uid} />
          <ExplanationPanel uid={agent.uid} />
          <EffectiveConfiguration agent={agent} />
          <Panel title="Health">
            {agent.health ? (
              <HealthTree name={agentTitle(agent)} health={agent.health} />
            ) : (
              <p className="muted">This agent has not reported its health.</p>
            )}
          </Panel>
          <ComponentsPanel components={agent.components?.components ?? null} />
          <PackagesPanel packages={agent.packages} />
        </div>
        <div className="stack">
          <LabelsPanel uid={agent.uid} labels={agent.labels} />
          <ConnectionPanel agent={agent} />
          <AttributesPanel title="Identifying attributes" attributes={agent.identifyingAttributes} />
          <AttributesPanel title="Other attributes" attributes={agent.nonIdentifyingAttributes} />
          <CapabilitiesPanel capabilities={agent.capabilities} />
        </div>
      </div>
    </>
  );
}

function EffectiveConfiguration({ agent }: { agent: AgentDetail }) {
  const { effectiveConfig: files, findings, findingsOmitted, withheld, driftNotCompared } = agent;
  const entries = Object.entries(files ?? {});
  if (withheld['effectiveConfig'] !== undefined) {
    return (
      <Panel title="Effective configuration">
        <Notice tone="warn" title="What this agent runs is not shown">
          <p>It was {withheld['effectiveConfig']}.</p>
        </Notice>
      </Panel>
    );
  }
  return (
    <Panel title="Effective configuration">
      {driftNotCompared !== null && (
        <Notice tone="warn" title="It was not compared with what the agent was given">
          <p>{driftNotCompared}</p>
        </Notice>
      )}
      {findings.length > 0 && <CredentialFindings findings={findings} omitted={findingsOmitted} />}
      {entries.map(([name, text]) => (
        <CodeView key={name} title={name || 'configuration'} text={text} />
      ))}
      {entries.length === 0 && <EmptyState title="This agent has not reported what it runs." />}
    </Panel>
  );
}

function CredentialFindings({ findings, omitted }: { findings: CredentialFinding[]; omitted: number }) {
  return (
    <Notice tone="warn" title="It held credentials; their values are not kept">
      <ul aria-label="Credentials">
        {findings.map(({ file, line, column, kind }) => (
          <li key={`${file}:${line}:${column}`}>
            <code>
              {file && `${file}, `}line {line}, column {column}
            </code>
            : {kind}
          </li>
        ))}
        {omitted > 0 && <li>and {omitted} more</li>}
      </ul>
      <p>
        Put a reference such as <code>{'${env:NAME}'}</code> in their place, and change what was exposed.
      </p>
    </Notice>
  );
}
