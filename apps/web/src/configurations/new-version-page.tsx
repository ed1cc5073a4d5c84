import { useState, type SubmitEvent } from 'react';
import { useNavigate, useParams } from 'react-router';
import { useMutation, useQuery } from 'urql';
import { NotFoundPage } from '../not-found-page.tsx';
import { byField, serverErrors } from '../server-error.ts';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { TextField } from '../ui/field.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { ConfigurationEditor } from './configuration-editor.tsx';
import {
  configurationQuery,
  createVersionMutation,
  type ConfigurationVersion,
} from './configurations.queries.ts';
import { DiffView } from './diff-view.tsx';
import { useProblems } from './use-problems.ts';

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
  const [body, setBody] = useState(latest.body);
  const [comment, setComment] = useState('');
  const [{ fetching, error }, create] = useMutation(createVersionMutation);
  const problems = useProblems(body);
  const { fields, rest } = byField(error, ['body', 'comment']);

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const result = await create({ name, body, comment });
    if (!result.data) return;
    const { version } = result.data.createConfigurationVersion;
    await navigate(`/configurations/${name}?version=${version}&compare=${latest.version}`);
  };

  return (
    <form className="form form-wide" onSubmit={(event) => void submit(event)}>
      <ConfigurationEditor value={body} onChange={setBody} problems={problems} refusal={fields.body} />
      <DiffView title={`Changes from v${latest.version}`} before={latest.body} after={body} />
      <TextField
        label="Comment"
        value={comment}
        onChange={setComment}
        error={fields.comment?.message}
        hint="Why this version; shown in the list of versions."
      />
      <ErrorNotice errors={rest} />
      <div className="form-actions">
        <button type="submit" className="button button-primary" disabled={fetching || body === latest.body}>
          Save new version
        </button>
        <span className="muted">No agent gets it before a rollout says so.</span>
      </div>
    </form>
  );
}
