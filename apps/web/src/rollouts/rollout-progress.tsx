import { CountBar } from '../ui/count-bar.tsx';
import { DataTable, type Column } from '../ui/data-table.tsx';
import { Panel } from '../ui/panel.tsx';
import { CohortStateChip, WaveStateChip } from './rollout-chips.tsx';
import {
  agentsText,
  cohortText,
  countSegments,
  type Cohort,
  type RolloutDetail,
  type Wave,
} from './rollout.ts';

/** How far a rollout has come: all agents, then wave by wave. */
export function RolloutProgress({ rollout }: { rollout: RolloutDetail }) {
  const { waves, cohorts, counts, state } = rollout;
  return (
    <Panel title="Progress">
      {state !== 'scheduled' && <CountBar label="All agents" segments={countSegments(counts)} />}
      {waves.length === 0 ? (
        <p className="muted">
          {state === 'scheduled' ? 'Nothing is planned yet.' : 'The fleet had no agents to offer it to.'}
        </p>
      ) : (
        <ol className="waves" aria-label="Waves">
          {waves.map((wave) => (
            <WaveItem key={wave.index} wave={wave} cohorts={cohorts} />
          ))}
        </ol>
      )}
    </Panel>
  );
}

function WaveItem({ wave, cohorts }: { wave: Wave; cohorts: Cohort[] }) {
  const parts = wave.cohorts.flatMap((part) => {
    const cohort = cohorts.find((each) => each.cohort === part.cohort);
    return cohort ? [{ ...part, name: cohortText(cohort) }] : [];
  });
  return (
    <li>
      <div className="row">
        <strong>Wave {wave.index + 1}</strong>
        <span className="muted">{agentsText(wave.size)}</span>
        <WaveStateChip state={wave.state} />
      </div>
      <CountBar label={`Wave ${wave.index + 1}`} segments={countSegments(wave.counts)} />
      {parts.length > 1 && (
        <details className="wave-cohorts">
          <summary>{parts.length} cohorts</summary>
          <ul>
            {parts.map((part) => (
              <li key={part.cohort}>
                <span className="break">{part.name}</span>
                <CountBar
                  label={`Wave ${wave.index + 1}, ${part.name}`}
                  segments={countSegments(part.counts)}
                />
              </li>
            ))}
          </ul>
        </details>
      )}
    </li>
  );
}

function cohortColumns(goesOn: boolean): Column<Cohort>[] {
  return [
    { header: 'Cohort', cell: (cohort) => cohortText(cohort) },
    { header: 'Size', cell: ({ size }) => size.toLocaleString(), kind: 'number' },
    {
      header: 'State',
      cell: ({ state }) => (goesOn || state !== 'running') && <CohortStateChip state={state} />,
    },
    {
      header: 'Agents',
      cell: (cohort) => <CountBar label={cohortText(cohort)} segments={countSegments(cohort.counts)} />,
    },
    { header: 'Reason', cell: ({ reason }) => reason, kind: 'text' },
  ];
}

/** Agents of the same type, version, OS and architecture, which are likely to fail together. */
export function RolloutCohorts({ rollout: { cohorts, state } }: { rollout: RolloutDetail }) {
  if (cohorts.length === 0) return null;
  return (
    <Panel
      title="Cohorts"
      aside={
        <span className="muted">same type, version, OS and architecture; the first wave holds each</span>
      }
    >
      <DataTable
        label="Cohorts"
        columns={cohortColumns(state === 'running')}
        rows={cohorts}
        rowKey={({ cohort }) => String(cohort)}
      />
    </Panel>
  );
}
