import { useMemo } from 'react';
import { Link, useParams, useSearchParams } from 'react-router';
import { useLiveQuery } from '../live-query.ts';
import { NotFoundPage } from '../not-found-page.tsx';
import { serverErrors } from '../server-error.ts';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { KeyValues } from '../ui/key-values.tsx';
import { Notice } from '../ui/notice.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { Panel } from '../ui/panel.tsx';
import type { Tone } from '../ui/status-chip.tsx';
import { TimeAgo } from '../ui/time-ago.tsx';
import { windowText } from './maintenance-windows.ts';
import { policyLabels, policyText } from './policy-form.tsx';
import { policyDefaults } from './policy.ts';
import { RolloutActions } from './rollout-actions.tsx';
import { readAgentOutcome, readAgentState, RolloutAgents } from './rollout-agents.tsx';
import { CatchingUpChip, RolloutStateChip } from './rollout-chips.tsx';
import { RolloutCohorts, RolloutProgress } from './rollout-progress.tsx';
import { RolloutTimeline } from './rollout-timeline.tsx';
import { waitsFor } from './rollout-waits.ts';
import type { RolloutDetail, RolloutState } from './rollout.ts';
import { rolloutQuery, rolloutSignals } from './rollouts.queries.ts';
import './rollout-page.css';

/** One rollout as it goes. */
export function RolloutPage() {
  const { id = '' } = useParams();
  const signals = useMemo(() => rolloutSignals(id), [id]);
  const [params] = useSearchParams();
  const { data, error } = useLiveQuery(
    rolloutQuery,
    { id, agentState: readAgentState(params), agentOutcome: readAgentOutcome(params) },
    signals,
  );
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
        {rollout.catchingUp && <CatchingUpChip halted={rollout.halted} />}
        <span>
          {state === 'scheduled' ? 'made' : 'started'} <TimeAgo at={rollout.createdAt} /> by{' '}
          {rollout.createdBy}
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
      <WaitsNote rollout={rollout} />
      <div className="rollout-columns">
        <div className="stack">
          <RolloutProgress rollout={rollout} />
          <PolicyPanel rollout={rollout} />
        </div>
        <RolloutTimeline events={rollout.events} cohorts={rollout.cohorts} />
      </div>
      <RolloutCohorts rollout={rollout} />
      <RolloutAgents rollout={rollout} />
    </>
  );
}

function reasonTone(state: RolloutState): Tone {
  if (state === 'paused') return 'warn';
  if (state === 'rollingBack' || state === 'rolledBack') return 'bad';
  return 'idle';
}

/** What it waits for. */
function WaitsNote({ rollout }: { rollout: RolloutDetail }) {
  const waits = waitsFor(rollout);
  if (!waits) return null;
  return (
    <Notice tone="info" role="status">
      <p>
        {waits.text}
        {waits.until !== null && (
          <>
            : <TimeAgo at={waits.until} /> ({new Date(waits.until).toLocaleString()}).
          </>
        )}
      </p>
    </Notice>
  );
}

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
          ...policyLabels.map(({ field, label }): [string, string] => [
            label,
            policyText(field, policy[field]),
          ]),
          ['Maintenance windows', policy.windows.map(windowText).join('; ') || 'at any time'],
        ]}
      />
    </Panel>
  );
}
