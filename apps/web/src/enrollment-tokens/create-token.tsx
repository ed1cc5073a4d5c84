import { useState, type SubmitEvent } from 'react';
import { useMutation } from 'urql';
import { byField } from '../server-error.ts';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { Field, TextField } from '../ui/field.tsx';
import { PairEditor } from '../ui/pair-editor.tsx';
import { fromRows, type PairRow } from '../ui/pair-rows.ts';
import { Notice } from '../ui/notice.tsx';
import { Panel } from '../ui/panel.tsx';
import { createEnrollmentTokenMutation } from './enrollment-tokens.queries.ts';

const dayMilliseconds = 24 * 60 * 60 * 1000;
const lifetimes = [
  { days: '', text: 'never' },
  { days: '1', text: 'in 1 day' },
  { days: '7', text: 'in 7 days' },
  { days: '30', text: 'in 30 days' },
  { days: '365', text: 'in 1 year' },
];

/** Asks what a new token is for, and makes it. */
export function CreateToken({
  onCreated,
  onCancel,
}: {
  onCreated: (token: string) => void;
  onCancel: () => void;
}) {
  const [name, setName] = useState('');
  const [days, setDays] = useState('');
  const [maxUses, setMaxUses] = useState('');
  const [labels, setLabels] = useState<PairRow[]>([]);
  const [mayTakeOver, setMayTakeOver] = useState(false);
  const [{ fetching, error }, create] = useMutation(createEnrollmentTokenMutation);
  const { fields, rest } = byField(error, ['name', 'expiresAt', 'maxUses', 'labels']);
  const read = fromRows(labels, 'label');
  const labelError = 'error' in read ? read.error : fields.labels?.message;

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if ('error' in read) return;
    const result = await create({
      name,
      expiresAt: days === '' ? null : new Date(Date.now() + Number(days) * dayMilliseconds).toISOString(),
      maxUses: maxUses === '' ? null : Number(maxUses),
      labels: read.pairs,
      mayTakeOver,
    });
    if (result.data) onCreated(result.data.createEnrollmentToken.token);
  };

  return (
    <Panel title="New token">
      <form className="form form-wide" onSubmit={(event) => void submit(event)}>
        <div className="form-row">
          <TextField
            label="Name"
            required
            autoFocus
            value={name}
            onChange={setName}
            error={fields.name?.message}
            hint="What it is for, as in “edge sites”."
          />
          <Field label="Expires" error={fields.expiresAt?.message}>
            {(control) => (
              <select
                {...control}
                className="input"
                value={days}
                onChange={(event) => setDays(event.target.value)}
              >
                {lifetimes.map((lifetime) => (
                  <option key={lifetime.days} value={lifetime.days}>
                    {lifetime.text}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <TextField
            label="Most agents"
            type="number"
            min={1}
            step={1}
            placeholder="no limit"
            value={maxUses}
            onChange={setMaxUses}
            error={fields.maxUses?.message}
            hint="How many agents it may let in."
          />
        </div>
        <div className="field">
          <strong>Labels for the agents it lets in</strong>
          <PairEditor noun="label" rows={labels} onChange={setLabels} />
          {labelError && <Notice tone="bad">{labelError}</Notice>}
        </div>
        <label className="check">
          <input
            type="checkbox"
            checked={mayTakeOver}
            onChange={(event) => setMayTakeOver(event.target.checked)}
          />
          It may take over agents of other tokens
        </label>
        <p className="muted">
          An agent belongs to the token it came with. Choose this for the successor of another token: agents
          that return with the new one stay the same agents, and belong to it from then on. Their labels stay
          as they are.
        </p>
        <ErrorNotice errors={rest} />
        <div className="form-actions">
          <button type="submit" className="button button-primary" disabled={fetching}>
            Create token
          </button>
          <button type="button" className="button" onClick={onCancel}>
            Cancel
          </button>
        </div>
      </form>
    </Panel>
  );
}
