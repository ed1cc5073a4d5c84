import type { ServerError } from '../server-error.ts';
import { Field, TextField } from '../ui/field.tsx';
import type { PolicyDefaults, PolicyField, PolicyForm, PolicyText } from './policy.ts';
import { WindowsField } from './windows-field.tsx';
import './policy-form.css';

/** Where the server names the members of a policy. */
export type PolicyErrors = Partial<Record<`policy.${PolicyField}`, ServerError>>;

interface FieldText {
  field: PolicyText;
  label: string;
  hint: string;
  /** Choices by value; a text field where there are none. */
  choices?: Record<string, string>;
}

const groups: { title: string; fields: FieldText[] }[] = [
  {
    title: 'Waves and pace',
    fields: [
      {
        field: 'waves',
        label: 'Waves',
        hint: 'How far each wave reaches, as a number of agents or a share of the fleet. The first holds each kind of agent; the last is everybody.',
      },
      {
        field: 'perSecond',
        label: 'Agents per second',
        hint: 'The most that are offered the version each second; "none": no limit.',
      },
      {
        field: 'jitterSeconds',
        label: 'Spread of a wave (seconds)',
        hint: 'Offers of a wave are spread evenly over so long; "automatic": 2,000 agents a second.',
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
    ],
  },
  {
    title: 'Gates: how much may go wrong in a wave',
    fields: [
      {
        field: 'maxFailed',
        label: 'Failed agents tolerated',
        hint: 'In each wave, as a number or a share ("2%").',
      },
      {
        field: 'maxUnhealthy',
        label: 'Unhealthy agents tolerated',
        hint: 'Agents that applied the version and are not healthy, but were; "none": not looked at.',
      },
      {
        field: 'maxDisconnected',
        label: 'Disconnected agents tolerated',
        hint: 'Agents that were offered the version and stay offline; "none": not looked at.',
      },
      {
        field: 'maxNotConverged',
        label: 'Silent agents tolerated',
        hint: 'Agents that did not answer by the deadline; "none": they count as failed.',
      },
    ],
  },
  {
    title: 'When a gate is breached',
    fields: [
      {
        field: 'onBreach',
        label: 'When too many agents fail',
        hint: 'Pause and wait for a person, or bring the agents back to what they had.',
        choices: { pause: 'pause', rollback: 'roll back' },
      },
      {
        field: 'breachScope',
        label: 'Who stops',
        hint: 'Everybody, or only the agents of the version, OS and architecture that fails.',
        choices: { rollout: 'the rollout', cohort: 'the cohort that fails' },
      },
      {
        field: 'quarantine',
        label: 'Who goes into quarantine',
        hint: 'Is not offered the version again: the agent that failed it, or all of its version, OS and architecture.',
        choices: { agent: 'the agent', cohort: 'its cohort' },
      },
    ],
  },
];

/** What a choice reads as, elsewhere, too. */
export function policyText(field: PolicyText, value: string): string {
  const choices = groups.flatMap(({ fields }) => fields).find((each) => each.field === field)?.choices;
  return choices?.[value] ?? value;
}

/** Labels of the members in the order of the form. */
export const policyLabels = groups
  .flatMap(({ fields }) => fields)
  .map(({ field, label }) => ({ field, label }));

/** The fields of a rollout policy. What is left empty takes the default, shown in grey. */
export function PolicyFields({
  form,
  defaults,
  errors,
  onChange,
}: {
  form: PolicyForm;
  defaults: PolicyDefaults;
  errors: PolicyErrors;
  onChange: (form: PolicyForm) => void;
}) {
  return (
    <div className="policy">
      {groups.map(({ title, fields }) => (
        <section key={title} className="policy-group" aria-label={title}>
          <h3>{title}</h3>
          <div className="form-row form-row-wide">
            {fields.map((text) => (
              <PolicyMember
                key={text.field}
                text={text}
                value={form[text.field]}
                fallback={defaults[text.field]}
                error={errors[`policy.${text.field}`]?.message}
                onChange={(value) => onChange({ ...form, [text.field]: value })}
              />
            ))}
          </div>
        </section>
      ))}
      <section className="policy-group" aria-label="Time">
        <h3>Time</h3>
        <WindowsField
          windows={form.windows}
          defaults={defaults.windows}
          error={errors['policy.windows']?.message}
          onChange={(windows) => onChange({ ...form, windows })}
        />
      </section>
    </div>
  );
}

function PolicyMember({
  text: { label, hint, choices },
  value,
  fallback,
  error,
  onChange,
}: {
  text: FieldText;
  value: string;
  fallback: string;
  error: string | undefined;
  onChange: (value: string) => void;
}) {
  if (!choices) {
    return (
      <TextField
        label={label}
        hint={hint}
        placeholder={fallback}
        value={value}
        error={error}
        onChange={onChange}
      />
    );
  }
  return (
    <Field label={label} hint={hint} error={error}>
      {(control) => (
        <select
          {...control}
          className="input"
          value={value}
          onChange={(event) => onChange(event.target.value)}
        >
          <option value="">default ({choices[fallback] ?? fallback})</option>
          {Object.entries(choices).map(([choice, words]) => (
            <option key={choice} value={choice}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
