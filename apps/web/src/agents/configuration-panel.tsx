import { Link } from 'react-router';
import { KeyValues } from '../ui/key-values.tsx';
import { Notice } from '../ui/notice.tsx';
import { Panel } from '../ui/panel.tsx';
import { ConfigurationStatusChip } from './agent-chips.tsx';
import { versionText, type AgentDetail, type VersionRef } from './agent.ts';
import { configurationSteps, type Step } from './configuration-progress.ts';
import './configuration-panel.css';

/** What the agent should run, what it runs, and how far it is between the two. */
export function ConfigurationPanel({ agent }: { agent: AgentDetail }) {
  const { status, target, pending, current, error } = agent.configuration;
  return (
    <Panel title="Configuration" aside={<ConfigurationStatusChip status={status} />}>
      {status === 'none' && (
        <p className="muted">
          Nothing is assigned to this agent.{' '}
          {agent.fleet ? 'Its fleet has no stable version yet.' : 'It is in no fleet.'}
        </p>
      )}
      {status === 'failed' && (
        <Notice tone="bad" title={failedTitle(target)} role="status">
          <pre>{error || 'The agent gave no reason.'}</pre>
          {current && (
            <p>It runs on with {versionText(current)}. The failed version is not offered to it again.</p>
          )}
        </Notice>
      )}
      {status === 'deferred' && (
        <Notice tone="warn">
          <p>
            {agent.status === 'connected'
              ? 'This agent gets its configuration when its turn comes at the pace of its fleet.'
              : 'This agent gets its configuration when it connects.'}
          </p>
        </Notice>
      )}
      <Steps steps={configurationSteps(status, agent.healthy)} />
      <KeyValues
        entries={[
          ['Fleet', agent.fleet ? <Link to={`/fleets/${agent.fleet}`}>{agent.fleet}</Link> : 'none'],
          ['Target', <VersionLink key="target" version={target} />],
          ['Pending', <VersionLink key="pending" version={pending} />],
          ['Current', <VersionLink key="current" version={current} />],
        ]}
      />
    </Panel>
  );
}

function failedTitle(target: VersionRef | null) {
  return target
    ? `The agent could not run ${versionText(target)}`
    : 'The agent could not run its configuration';
}

function VersionLink({ version }: { version: VersionRef | null }) {
  if (!version) return 'none';
  return (
    <>
      <Link to={`/configurations/${version.name}?version=${version.version}`}>{versionText(version)}</Link>{' '}
      <code className="muted" title={`hash ${version.hash}`}>
        {version.hash.slice(0, 12)}
      </code>
    </>
  );
}

const stateWords: Record<Step['state'], string> = {
  done: 'done',
  current: 'under way',
  failed: 'failed',
  todo: 'not yet',
};

function Steps({ steps }: { steps: Step[] }) {
  if (steps.length === 0) return null;
  return (
    <ol className="steps" aria-label="Progress">
      {steps.map(({ label, state }) => (
        <li
          key={label}
          className={`step step-${state}`}
          aria-current={state === 'current' ? 'step' : undefined}
        >
          {label}
          <span className="visually-hidden"> ({stateWords[state]})</span>
        </li>
      ))}
    </ol>
  );
}
