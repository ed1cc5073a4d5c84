import { Fragment } from 'react';
import { Link } from 'react-router';
import { versionText } from '../agents/agent.ts';
import { DataTable, type Column } from '../ui/data-table.tsx';
import { TimeAgo } from '../ui/time-ago.tsx';
import { LiftQuarantine, quarantineTitle } from './lift-quarantine.tsx';
import type { Quarantine } from './quarantine.ts';

/** Quarantines, one a row; those in force can be lifted. */
export function QuarantineTable({
  quarantines,
  onLifted,
}: {
  quarantines: Quarantine[];
  onLifted: () => void;
}) {
  return (
    <DataTable label="Quarantines" columns={columns(onLifted)} rows={quarantines} rowKey={({ id }) => id} />
  );
}

function columns(onLifted: () => void): Column<Quarantine>[] {
  return [
    { header: 'Agent or cohort', cell: (quarantine) => <Who quarantine={quarantine} /> },
    { header: 'Not offered', cell: ({ versions }) => <Versions versions={versions} /> },
    {
      header: 'Fleet',
      cell: ({ fleet }) => fleet !== null && <Link to={`/fleets/${fleet}`}>{fleet}</Link>,
    },
    { header: 'Since', cell: ({ since }) => <TimeAgo at={since} /> },
    {
      header: 'Lift',
      cell: (quarantine) =>
        quarantine.liftedAt === null ? (
          <LiftQuarantine quarantine={quarantine} onLifted={onLifted} />
        ) : (
          <>
            <TimeAgo at={quarantine.liftedAt} />
            <span className="cell-sub">by {quarantine.liftedBy}</span>
          </>
        ),
    },
    { header: 'Reason', cell: ({ reason }) => reason, kind: 'text' },
  ];
}

function Who({ quarantine }: { quarantine: Quarantine }) {
  const { agent } = quarantine;
  const title = quarantineTitle(quarantine);
  return (
    <>
      {agent ? <Link to={`/agents/${agent.uid}`}>{title}</Link> : title}
      {!agent && <span className="cell-sub">every agent of this kind</span>}
    </>
  );
}

function Versions({ versions }: { versions: Quarantine['versions'] }) {
  return versions.map(({ configuration, version }, index) => (
    <Fragment key={`${configuration} ${version}`}>
      {index > 0 && ', '}
      <Link to={`/configurations/${configuration}?version=${version}`}>
        {versionText({ name: configuration, version })}
      </Link>
    </Fragment>
  ));
}
