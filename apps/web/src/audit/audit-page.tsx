import { useState, type SubmitEvent } from 'react';
import { Link, useSearchParams } from 'react-router';
import { useQuery } from 'urql';
import { byField } from '../server-error.ts';
import { DataTable, type Column } from '../ui/data-table.tsx';
import { EmptyState } from '../ui/empty-state.tsx';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { TextField } from '../ui/field.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { Pager } from '../ui/pager.tsx';
import { auditQuery, type AuditEvent } from './audit.queries.ts';
import { resourcePath } from './resource-path.ts';
import './audit-page.css';

const columns: Column<AuditEvent>[] = [
  { header: 'Time', cell: ({ at }) => <time dateTime={at}>{new Date(at).toLocaleString()}</time> },
  { header: 'Actor', cell: ({ actor }) => actor },
  { header: 'Action', cell: ({ action }) => <code>{action}</code> },
  { header: 'Resource', cell: ({ resource }) => <Resource resource={resource} /> },
  {
    header: 'Detail',
    cell: ({ detail }) =>
      Object.keys(detail).length > 0 && <code className="muted">{spacedJson(detail)}</code>,
    kind: 'text',
  },
];

/** JSON that has places to wrap. */
function spacedJson(value: unknown): string {
  return JSON.stringify(value, null, 1).replaceAll(/\n */g, ' ');
}

/** Every change by a person or a key, newest first. `resource` in the URL narrows it. */
export function AuditPage() {
  const [params] = useSearchParams();
  const resource = params.get('resource') || null;
  const [{ data, error }] = useQuery({
    query: auditQuery,
    variables: { resource, after: params.get('after') },
  });
  const { fields, rest } = byField(error, ['resource']);
  const events = data?.audit.items ?? [];
  return (
    <>
      <PageHeader title="Audit" />
      <ResourceFilter key={resource} resource={resource ?? ''} error={fields.resource?.message} />
      <ErrorNotice errors={rest} />
      {!error && events.length > 0 && (
        <>
          <DataTable label="Audit" columns={columns} rows={events} rowKey={({ id }) => id} />
          <Pager next={data?.audit.next ?? null} summary="Newest first" />
        </>
      )}
      {!error && data && events.length === 0 && (
        <EmptyState title={resource ? `Nothing was done to ${resource}` : 'Nothing was done yet'} />
      )}
    </>
  );
}

function Resource({ resource }: { resource: string }) {
  const path = resourcePath(resource);
  return path ? <Link to={path}>{resource}</Link> : resource;
}

function ResourceFilter({ resource, error }: { resource: string; error: string | undefined }) {
  const [, setParams] = useSearchParams();
  const [typed, setTyped] = useState(resource);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    setParams(typed.trim() ? { resource: typed.trim() } : {});
  };
  return (
    <search>
      <form className="audit-filter" onSubmit={submit}>
        <TextField
          label="Resource"
          placeholder="fleet/edge"
          value={typed}
          onChange={setTyped}
          error={error}
          hint="Kind and name: agent/…, configuration/…, fleet/…, rollout/…, enrollment-token/…"
        />
        <button type="submit" className="button">
          Filter
        </button>
      </form>
    </search>
  );
}
