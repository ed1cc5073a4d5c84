import { useMemo } from 'react';
import { Link, useParams } from 'react-router';
import { useLiveQuery } from '../live-query.ts';
import { NotFoundPage } from '../not-found-page.tsx';
import { serverErrors } from '../server-error.ts';
import { CountBar } from '../ui/count-bar.tsx';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { KeyValues } from '../ui/key-values.tsx';
import { Notice } from '../ui/notice.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { Panel } from '../ui/panel.tsx';
import type { Tone } from '../ui/status-chip.tsx';
import { TimeAgo } from '../ui/time-ago.tsx';
import { policyDefaults, type PolicyForm } from './policy.ts';
import { RolloutActions } from './rollout-actions.tsx';
import { RolloutAgents } from './rollout-agents.tsx';
import { RolloutStateChip, WaveStateChip } from './rollout-chips.tsx';
import { RolloutTimeline } from './rollout-timeline.tsx';
import { countSegments, type RolloutDetail, type RolloutState, type Wave } from './rollout.ts';
import { rolloutQuery, rolloutSignals } from './rollouts.queries.ts';
import './rollout-page.css';

/** One rollout as it goes. */
export function RolloutPage() {
  const { id = '' } = useParams();
  const signals = useMemo(() => rolloutSignals(id), [id]);
  const { data, error } = useLiveQuery(rolloutQuery, { id }, signals);
  const errors = serverErrors(error);
  if (errors.some(({ code }) => code === 'unknown-rollout') || (data && !data.rollout)) {
    return <NotFoundPage what="rollout" />;
  }
  return (
    <>
      <ErrorNotice errors={errors} />
      {data?.rollout && <RolloutSections rollout={data.rollout} />}
    </>
  );
}

function RolloutSections({ rollout }: { rollout: RolloutDetail }) {
  const { fleet, configuration, version, state } = rollout;
  return (
    <>
      <PageHeader
        title={`${configuration} v${version} to ${fleet}`}
        parent={{ to: '/rollouts', title: 'Rollouts' }}
        actions={<RolloutActions rollout={rollout} />}
      >
        <RolloutStateChip state={state} />
        <span>
          started <TimeAgo at={rollout.createdAt} /> by {rollout.createdBy}
        </span>
        {rollout.finishedAt && (
          <span>
            finished <TimeAgo at={rollout.finishedAt} />
          </span>
        )}
      </PageHeader>
      {rollout.reason && (
        <Notice tone={reasonTone(state)} role="status">
          <p>{rollout.reason}</p>
        </Notice>
      )}
      <div className="rollout-columns">
        <Panel title="Progress">
          <CountBar label="All agents" segments={countSegments(rollout.counts)} />
          <Waves waves={rollout.waves} />
        </Panel>
        <RolloutTimeline events={rollout.events} />
      </div>
      <RolloutAgents agents={rollout.agents} />
      <PolicyPanel rollout={rollout} />
    </>
  );
}

function reasonTone(state: RolloutState): Tone {
  if (state === 'paused') return 'warn';
  if (state === 'rollingBack' || state === 'rolledBack') return 'bad';
  return 'idle';
}

function Waves({ waves }: { waves: Wave[] }) {
  if (waves.length === 0)
    return <p className="muted">The fleet had no agents: there was nothing to wait for.</p>;
  return (
    <ol className="waves" aria-label="Waves">
      {waves.map(({ index, size, state, counts }) => (
        <li key={index}>
          <div className="row">
            <strong>Wave {index + 1}</strong>
            <span className="muted">{size === 1 ? '1 agent' : `${size.toLocaleString()} agents`}</span>
            <WaveStateChip state={state} />
          </div>
          <CountBar label={`Wave ${index + 1}`} segments={countSegments(counts)} />
        </li>
      ))}
    </ol>
  );
}

const policyLabels: [keyof PolicyForm, string][] = [
  ['waves', 'Waves'],
  ['perSecond', 'Agents per second'],
  ['applyDeadlineSeconds', 'Apply deadline (s)'],
  ['soakSeconds', 'Soak time (s)'],
  ['maxFailed', 'Failed tolerated'],
  ['maxUnhealthy', 'Unhealthy tolerated'],
  ['maxDisconnected', 'Disconnected tolerated'],
  ['onBreach', 'On breach'],
];

function PolicyPanel({ rollout }: { rollout: RolloutDetail }) {
  const policy = policyDefaults(rollout.policy);
  return (
    <Panel title="About">
      <KeyValues
        entries={[
          [
            'Fleet',
            <Link key="fleet" to={`/fleets/${rollout.fleet}`}>
              {rollout.fleet}
            </Link>,
          ],
          [
            'Configuration',
            <Link key="version" to={`/configurations/${rollout.configuration}?version=${rollout.version}`}>
              {rollout.configuration} v{rollout.version}
            </Link>,
          ],
          ...policyLabels.map(([field, label]): [string, string] => [label, policy[field]]),
        ]}
      />
    </Panel>
  );
}
