import type { ServerError } from '../server-error.ts';
import { Field, TextField } from '../ui/field.tsx';
import type { PolicyField, PolicyForm } from './policy.ts';

/** Where the server names the members of a policy. */
export type PolicyErrors = Partial<Record<`policy.${PolicyField}`, ServerError>>;

const texts: { field: PolicyField; label: string; hint: string }[] = [
  {
    field: 'waves',
    label: 'Waves',
    hint: 'How far each wave reaches, as a number of agents or a share of the fleet. The last wave is everybody.',
  },
  {
    field: 'perSecond',
    label: 'Agents per second',
    hint: 'How many agents are offered the version each second; "none": a whole wave at once.',
  },
  {
    field: 'applyDeadlineSeconds',
    label: 'Apply deadline (seconds)',
    hint: 'An agent that has not answered by then has failed.',
  },
  {
    field: 'soakSeconds',
    label: 'Soak time (seconds)',
    hint: 'How long a wave is watched before the next one begins.',
  },
  {
    field: 'maxFailed',
    label: 'Failed agents tolerated',
    hint: 'In each wave, as a number or a share ("2%").',
  },
  {
    field: 'maxUnhealthy',
    label: 'Unhealthy agents tolerated',
    hint: 'Agents that applied the version and are not healthy; "none": not looked at.',
  },
  {
    field: 'maxDisconnected',
    label: 'Disconnected agents tolerated',
    hint: 'Agents that went offline after they were offered the version; "none": not looked at.',
  },
];

/** The fields of a rollout policy. What is left empty takes the default, shown in grey. */
export function PolicyFields({
  form,
  defaults,
  errors,
  onChange,
}: {
  form: PolicyForm;
  defaults: PolicyForm;
  errors: PolicyErrors;
  onChange: (form: PolicyForm) => void;
}) {
  return (
    <div className="form-row form-row-wide">
      {texts.map(({ field, label, hint }) => (
        <TextField
          key={field}
          label={label}
          hint={hint}
          placeholder={defaults[field]}
          value={form[field]}
          error={errors[`policy.${field}`]?.message}
          onChange={(value) => onChange({ ...form, [field]: value })}
        />
      ))}
      <Field
        label="When too many agents fail"
        hint="Pause and wait for a person, or bring the agents back to what they had."
        error={errors['policy.onBreach']?.message}
      >
        {(control) => (
          <select
            {...control}
            className="input"
            value={form.onBreach}
            onChange={(event) => onChange({ ...form, onBreach: event.target.value })}
          >
            <option value="">default ({defaults.onBreach === 'rollback' ? 'roll back' : 'pause'})</option>
            <option value="pause">pause</option>
            <option value="rollback">roll back</option>
          </select>
        )}
      </Field>
    </div>
  );
}
