import { Link } from 'react-router';
import { agentsPath } from '../agents/agent-filters.ts';
import { ConfigurationCounts } from '../agents/configuration-counts.tsx';
import { useLiveQuery } from '../live-query.ts';
import { RolloutTable } from '../rollouts/rollout-table.tsx';
import { serverErrors } from '../server-error.ts';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { Notice } from '../ui/notice.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { Panel } from '../ui/panel.tsx';
import { FirstSteps } from './first-steps.tsx';
import { overviewQuery, overviewSignals, type Overview } from './overview.queries.ts';
import { VersionBars } from './version-bars.tsx';
import './overview-page.css';

/** Everything at one glance, live. */
export function OverviewPage() {
  const { data, error } = useLiveQuery(overviewQuery, {}, overviewSignals);
  return (
    <>
      <PageHeader title="Overview" />
      <ErrorNotice errors={serverErrors(error)} />
      {data && <OverviewSections overview={data.overview} />}
    </>
  );
}

function OverviewSections({ overview }: { overview: Overview }) {
  const counts = Object.fromEntries(overview.configurationStatus.map(({ status, count }) => [status, count]));
  const drifted = overview.drift.reduce((sum, { count }) => sum + count, 0);
  const isSetUp = overview.agents > 0 && overview.configurations > 0 && overview.fleets > 0;
  return (
    <>
      <DeadLetterNotice count={overview.deadLetters ?? 0} />
      {!isSetUp && <FirstSteps overview={overview} />}
      <dl className="figures">
        <Figure label="Agents" value={overview.agents} to="/agents" />
        <Figure label="Connected" value={overview.connected} to={agentsPath({ status: 'connected' })} />
        <Figure
          label="Disconnected"
          value={overview.disconnected}
          to={agentsPath({ status: 'disconnected' })}
          tone={overview.disconnected > 0 ? 'warn' : undefined}
        />
        <Figure
          label="Unhealthy"
          value={overview.unhealthy}
          tone={overview.unhealthy > 0 ? 'bad' : undefined}
        />
        <Figure label="Drifted" value={drifted} to="/drift" tone={drifted > 0 ? 'warn' : undefined} />
        {overview.withCredentials > 0 && (
          <Figure
            label="Credentials"
            value={overview.withCredentials}
            to={agentsPath({ finding: 'credentials' })}
            tone="warn"
          />
        )}
        <Figure label="Fleets" value={overview.fleets} to="/fleets" />
        <Figure label="Configurations" value={overview.configurations} to="/configurations" />
      </dl>
      <div className="columns">
        <Panel title="Configuration status">
          <ConfigurationCounts counts={counts} />
        </Panel>
        <Panel title="Agent versions">
          <VersionBars versions={overview.versions} />
        </Panel>
      </div>
      <Panel title="Active rollouts">
        {overview.activeRollouts.length > 0 ? (
          <RolloutTable label="Active rollouts" rollouts={overview.activeRollouts} />
        ) : (
          <p className="muted">No rollout is under way.</p>
        )}
      </Panel>
    </>
  );
}

function DeadLetterNotice({ count }: { count: number }) {
  if (count === 0) return null;
  const title =
    count === 1
      ? '1 message could not be processed'
      : `${count.toLocaleString()} messages could not be processed`;
  return (
    <Notice tone="warn" title={title} role="status">
      <p>
        {count === 1 ? 'It was' : 'They were'} set aside as dead letters, and everything else goes on.{' '}
        <code>muster deadletter list</code> tells why.
      </p>
    </Notice>
  );
}

function Figure(props: { label: string; value: number; to?: string; tone?: 'warn' | 'bad' | undefined }) {
  const value = props.value.toLocaleString();
  return (
    <div className={`figure ${props.tone ? `figure-${props.tone}` : ''}`}>
      <dt>{props.label}</dt>
      <dd>
        {props.to ? (
          <Link to={props.to} aria-label={`${props.label}: ${value}`}>
            {value}
          </Link>
        ) : (
          value
        )}
      </dd>
    </div>
  );
}
