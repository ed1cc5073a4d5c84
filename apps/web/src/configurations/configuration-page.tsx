import { Link, useParams, useSearchParams } from 'react-router';
import { useQuery } from 'urql';
import { NotFoundPage } from '../not-found-page.tsx';
import { serverErrors } from '../server-error.ts';
import { DataTable, type Column } from '../ui/data-table.tsx';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { Field } from '../ui/field.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { TimeAgo } from '../ui/time-ago.tsx';
import {
  configurationQuery,
  type Configuration,
  type ConfigurationVersion,
} from './configurations.queries.ts';
import { RestoreVersion } from './restore-version.tsx';
import { VersionChanges, VersionText } from './version-view.tsx';
import './configuration-page.css';

/** One configuration: its versions, the text of one, and the difference to another. */
export function ConfigurationPage() {
  const { name = '' } = useParams();
  const [{ data, error }] = useQuery({ query: configurationQuery, variables: { name } });
  const errors = serverErrors(error);
  if (errors.some(({ code }) => code === 'unknown-configuration') || (data && !data.configuration)) {
    return <NotFoundPage what="configuration" />;
  }
  return (
    <>
      <ErrorNotice errors={errors} />
      {data?.configuration && <ConfigurationSections configuration={data.configuration} />}
    </>
  );
}

function ConfigurationSections({ configuration }: { configuration: Configuration }) {
  const { name, versions, latest, description } = configuration;
  const [params] = useSearchParams();
  const find = (version: string | null) => versions.find((each) => String(each.version) === version);
  const shown = find(params.get('version')) ?? latest;
  const compared = find(params.get('compare'));

  return (
    <>
      <PageHeader
        title={name}
        parent={{ to: '/configurations', title: 'Configurations' }}
        actions={
          <>
            {shown.version !== latest.version && (
              <RestoreVersion name={name} version={shown.version} latest={latest.version} />
            )}
            <Link
              className="button"
              to={`/create/rollout?${new URLSearchParams({ configuration: name, version: String(shown.version) })}`}
            >
              Roll out v{shown.version}
            </Link>
            <Link className="button button-primary" to={`/configurations/${name}/new-version`}>
              New version
            </Link>
          </>
        }
      >
        {description}
      </PageHeader>
      <div className="configuration-columns">
        <DataTable
          label="Versions"
          columns={versionColumns(name, shown.version)}
          rows={versions}
          rowKey={({ version }) => String(version)}
        />
        <div className="stack">
          <CompareField versions={versions} shown={shown} />
          {compared && compared.version !== shown.version ? (
            <VersionChanges
              title={`Changes from v${compared.version} to v${shown.version}`}
              before={compared}
              after={shown}
            />
          ) : (
            <VersionText title={`${name} v${shown.version}`} text={shown} />
          )}
        </div>
      </div>
    </>
  );
}

function versionColumns(name: string, shown: number): Column<ConfigurationVersion>[] {
  return [
    {
      header: 'Version',
      cell: ({ version, parent }) => (
        <>
          <Link
            to={`/configurations/${name}?version=${version}`}
            aria-current={version === shown || undefined}
          >
            v{version}
          </Link>
          {parent !== null && (
            <span className="cell-sub">
              from <Link to={`/configurations/${name}?version=${parent}`}>v{parent}</Link>
            </span>
          )}
        </>
      ),
    },
    {
      header: 'Created',
      cell: ({ createdAt, createdBy }) => (
        <>
          <TimeAgo at={createdAt} />
          <span className="cell-sub">{createdBy}</span>
        </>
      ),
    },
    { header: 'Comment', cell: ({ comment }) => comment, kind: 'text' },
  ];
}

function CompareField({
  versions,
  shown,
}: {
  versions: ConfigurationVersion[];
  shown: ConfigurationVersion;
}) {
  const [params, setParams] = useSearchParams();
  const compare = (version: string) => {
    const changed = new URLSearchParams(params);
    changed.set('version', String(shown.version));
    if (version) changed.set('compare', version);
    else changed.delete('compare');
    setParams(changed, { replace: true });
  };
  return (
    <div className="compare">
      <Field label="Compare with">
        {(control) => (
          <select
            {...control}
            className="input"
            value={params.get('compare') ?? ''}
            onChange={(event) => compare(event.target.value)}
          >
            <option value="">nothing, show the text</option>
            {versions
              .filter(({ version }) => version !== shown.version)
              .map(({ version }) => (
                <option key={version} value={version}>
                  v{version}
                </option>
              ))}
          </select>
        )}
      </Field>
    </div>
  );
}
