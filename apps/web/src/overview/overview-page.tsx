import { Link } from 'react-router';
import { agentsPath } from '../agents/agent-filters.ts';
import { ConfigurationCounts } from '../agents/configuration-counts.tsx';
import { useLiveQuery } from '../live-query.ts';
import { RolloutTable } from '../rollouts/rollout-table.tsx';
import { serverErrors } from '../server-error.ts';
import { ErrorNotice } from '../ui/error-notice.tsx';
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
