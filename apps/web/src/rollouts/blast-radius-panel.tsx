import { Fragment } from 'react';
import { Link } from 'react-router';
import { UnifiedDiffView } from '../configurations/diff-view.tsx';
import { ProblemList } from '../configurations/problem-list.tsx';
import { DataTable, type Column } from '../ui/data-table.tsx';
import { Notice } from '../ui/notice.tsx';
import { Panel } from '../ui/panel.tsx';
import { StatusChip, type Tone } from '../ui/status-chip.tsx';
import {
  canStart,
  type BlastRadius,
  type BlastRadiusChange,
  type BlastRadiusSkipped,
} from './blast-radius.ts';
import { agentsText, cannotSayWords, cohortText } from './rollout.ts';
import './blast-radius-panel.css';

/** Whom a rollout would reach and what would change for them. Null: not counted yet. */
export function BlastRadiusPanel({ radius, later }: { radius: BlastRadius | null; later: boolean }) {
  return (
    <Panel
      title="What it would change"
      aside={
        <span className="muted">
          {later ? 'as things are now; counted again when it starts' : 'as things are now'}
        </span>
      }
    >
      {radius === null ? <p className="muted">Counting…</p> : <Radius radius={radius} />}
    </Panel>
  );
}

function Radius({ radius }: { radius: BlastRadius }) {
  const { agents, touched, cannotSay, waves, changes, more, skipped, problems } = radius;
  const cannotSayText = cannotSayWords(cannotSay);
  return (
    <>
      <p role="status">
        <strong>
          {touched.toLocaleString()} of {agentsText(agents)}
        </strong>{' '}
        would be offered it
        {waves.length > 0 && `, in ${waves.length === 1 ? 'one wave' : `${waves.length} waves`} of `}
        {waves.map((size) => size.toLocaleString()).join(', ')}
        {waves.length > 0 && (waves.length === 1 && waves[0] === 1 ? ' agent.' : ' agents.')}
        {waves.length === 0 && '.'}
      </p>
      {cannotSayText !== '' && (
        <Notice tone="info">
          <p>{cannotSayText}.</p>
        </Notice>
      )}
      {changes.length > 0 && (
        <ol className="changes" aria-label="Changes">
          {changes.map((change, index) => (
            <Change key={`${change.from} ${change.to}`} change={change} open={index === 0} />
          ))}
        </ol>
      )}
      {problems.length > 0 && <ProblemList problems={problems} rendered onSelect={null} />}
      {!canStart(radius) && (
        <Notice tone="bad" role="status" title="It cannot start like this">
          <p>For some agents there is no text at all: see below what is missing, and for whom.</p>
        </Notice>
      )}
      {more.changes > 0 && (
        <Notice tone="info">
          <p>
            {more.changes.toLocaleString()} more texts for {agentsText(more.agents)} are not written out.
          </p>
        </Notice>
      )}
      {skipped.length > 0 && (
        <DataTable
          label="Agents that are skipped"
          columns={skippedColumns}
          rows={skipped}
          rowKey={({ reason, detail }) => `${reason} ${detail}`}
        />
      )}
    </>
  );
}

function Change({ change, open }: { change: BlastRadiusChange; open: boolean }) {
  const { agents, sample, cohorts, diff, added, removed, from } = change;
  return (
    <li>
      <p>
        <strong>{agentsText(agents)}</strong>
        {from === null && ' without a configuration of Muster'}
        {diff === '' && ': nothing changes for them'}
      </p>
      <ul className="change-cohorts" aria-label="Cohorts">
        {cohorts.map((cohort) => (
          <li key={cohortText(cohort)}>
            {cohortText(cohort)} <strong>{cohort.agents.toLocaleString()}</strong>
          </li>
        ))}
      </ul>
      <Components title="Adds" tone="ok" names={added} />
      <Components title="Removes" tone="bad" names={removed} />
      <p className="muted break">
        For example <Sample uids={sample.slice(0, 3)} />
      </p>
      {diff !== '' && (
        <details className="change-diff" open={open}>
          <summary>Rendered difference</summary>
          <div className="stack">
            <UnifiedDiffView title={`For ${agentsText(agents)}`} diff={diff} />
          </div>
        </details>
      )}
    </li>
  );
}

function Components({ title, tone, names }: { title: string; tone: Tone; names: string[] }) {
  if (names.length === 0) return null;
  return (
    <p className="row">
      <StatusChip tone={tone}>{title}</StatusChip>
      {names.map((name) => (
        <code key={name}>{name}</code>
      ))}
    </p>
  );
}

function Sample({ uids }: { uids: string[] }) {
  return uids.map((uid, index) => (
    <Fragment key={uid}>
      {index > 0 && ', '}
      <Link to={`/agents/${uid}`}>{uid}</Link>
    </Fragment>
  ));
}

const reasons: Record<BlastRadiusSkipped['reason'], [words: string, tone: Tone]> = {
  noCapability: ['accepts no configuration', 'idle'],
  notRenderable: ['cannot be rendered', 'bad'],
  missingComponent: ['lacks a component', 'bad'],
  quarantine: ['in quarantine', 'bad'],
  offline: ['offline', 'warn'],
};

const skippedColumns: Column<BlastRadiusSkipped>[] = [
  {
    header: 'Skipped',
    cell: ({ reason }) => <StatusChip tone={reasons[reason][1]}>{reasons[reason][0]}</StatusChip>,
  },
  { header: 'Agents', cell: ({ agents }) => agents.toLocaleString(), kind: 'number' },
  { header: 'Why', cell: ({ detail }) => detail, kind: 'text' },
  { header: 'For example', cell: ({ sample }) => <Sample uids={sample.slice(0, 2)} />, kind: 'text' },
];
