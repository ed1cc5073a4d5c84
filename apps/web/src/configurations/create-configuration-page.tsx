import { useState, type SubmitEvent } from 'react';
import { useNavigate } from 'react-router';
import { useMutation } from 'urql';
import { byField } from '../server-error.ts';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { TextField } from '../ui/field.tsx';
import { NameField } from '../ui/name-field.tsx';
import { Notice } from '../ui/notice.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { ConfigurationFields, textFields } from './configuration-fields.tsx';
import { createConfigurationMutation } from './configurations.queries.ts';
import { starterConfiguration } from './starter.ts';
import { fromDraft, toDraft } from './text-draft.ts';

/** Makes a configuration and its version 1. */
export function CreateConfigurationPage() {
  const navigate = useNavigate();
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const [draft, setDraft] = useState(() => toDraft({ body: starterConfiguration, files: {}, overlays: [] }));
  const [{ fetching, error }, create] = useMutation(createConfigurationMutation);
  const { fields, rest } = byField(error, ['name', 'description', ...textFields]);
  const text = fromDraft(draft);

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if ('error' in text) return;
    const result = await create({ name, description, ...text });
    if (result.data) await navigate(`/configurations/${result.data.createConfiguration.name}`);
  };

  return (
    <>
      <PageHeader title="New configuration" parent={{ to: '/configurations', title: 'Configurations' }} />
      <form className="form form-wide" onSubmit={(event) => void submit(event)}>
        <div className="form-row">
          <NameField value={name} onChange={setName} error={fields.name?.message} />
          <TextField
            label="Description"
            value={description}
            onChange={setDescription}
            error={fields.description?.message}
          />
        </div>
        <ConfigurationFields name={null} draft={draft} onChange={setDraft} errors={fields} />
        {'error' in text && (
          <Notice tone="bad" role="status">
            {text.error}
          </Notice>
        )}
        <ErrorNotice errors={rest} />
        <div className="form-actions">
          <button type="submit" className="button button-primary" disabled={fetching || 'error' in text}>
            Create configuration
          </button>
        </div>
      </form>
    </>
  );
}
