import { useState, type SubmitEvent } from 'react';
import { useNavigate, useParams } from 'react-router';
import { useMutation, useQuery } from 'urql';
import { NotFoundPage } from '../not-found-page.tsx';
import { byField, serverErrors } from '../server-error.ts';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { TextField } from '../ui/field.tsx';
import { Notice } from '../ui/notice.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { ConfigurationFields, textFields } from './configuration-fields.tsx';
import {
  configurationQuery,
  createVersionMutation,
  type ConfigurationVersion,
} from './configurations.queries.ts';
import { fromDraft, toDraft } from './text-draft.ts';
import { changedParts } from './version-text.ts';
import { VersionChanges } from './version-view.tsx';

/** Writes the next version of a configuration, starting from the newest. */
export function NewVersionPage() {
  const { name = '' } = useParams();
  const [{ data, error }] = useQuery({ query: configurationQuery, variables: { name } });
  const errors = serverErrors(error);
  if (errors.some(({ code }) => code === 'unknown-configuration') || (data && !data.configuration)) {
    return <NotFoundPage what="configuration" />;
  }
  return (
    <>
      <PageHeader title={`New version of ${name}`} parent={{ to: `/configurations/${name}`, title: name }} />
      <ErrorNotice errors={errors} />
      {data?.configuration && <NewVersionForm name={name} latest={data.configuration.latest} />}
    </>
  );
}

function NewVersionForm({ name, latest }: { name: string; latest: ConfigurationVersion }) {
  const navigate = useNavigate();
  const [draft, setDraft] = useState(() => toDraft(latest));
  const [comment, setComment] = useState('');
  const [{ fetching, error }, create] = useMutation(createVersionMutation);
  const { fields, rest } = byField(error, [...textFields, 'comment']);
  const text = fromDraft(draft);
  const changed = 'error' in text || changedParts(latest, text).length > 0;

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if ('error' in text) return;
    const result = await create({ name, ...text, comment, parent: latest.version });
    if (!result.data) return;
    const { version } = result.data.createConfigurationVersion;
    await navigate(`/configurations/${name}?version=${version}&compare=${latest.version}`);
  };

  return (
    <form className="form form-wide" onSubmit={(event) => void submit(event)}>
      <ConfigurationFields name={name} draft={draft} onChange={setDraft} errors={fields} />
      {'error' in text ? (
        <Notice tone="bad" role="status">
          {text.error}
        </Notice>
      ) : (
        <VersionChanges title={`Changes from v${latest.version}`} before={latest} after={text} />
      )}
      <TextField
        label="Comment"
        value={comment}
        onChange={setComment}
        error={fields.comment?.message}
        hint="Why this version; shown in the list of versions."
      />
      <ErrorNotice errors={rest} />
      <div className="form-actions">
        <button
          type="submit"
          className="button button-primary"
          disabled={fetching || 'error' in text || !changed}
        >
          Save new version
        </button>
        <span className="muted">No agent gets it before a rollout says so.</span>
      </div>
    </form>
  );
}
