import { useState, type SubmitEvent } from 'react';
import { useNavigate } from 'react-router';
import { useMutation, useQuery } from 'urql';
import { configurationsQuery } from '../configurations/configurations.queries.ts';
import { PolicyFields } from '../rollouts/policy-form.tsx';
import { defaultPolicy, emptyPolicyForm, policyFields, toForm, toPolicy } from '../rollouts/policy.ts';
import { byField } from '../server-error.ts';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { TextField } from '../ui/field.tsx';
import { NameField } from '../ui/name-field.tsx';
import { Panel } from '../ui/panel.tsx';
import { SelectField } from '../ui/select-field.tsx';
import { putFleetMutation, type Fleet } from './fleets.queries.ts';
import { TokensField } from './tokens-field.tsx';
import { SelectorField } from '../agents/selector-field.tsx';

const formFields = [
  'name',
  'selector',
  'tokens',
  'priority',
  'configuration',
  ...policyFields.map((field) => `policy.${field}` as const),
] as const;

/** Makes a fleet, or changes the one given. */
export function FleetForm({ fleet }: { fleet: Fleet | null }) {
  const navigate = useNavigate();
  const [name, setName] = useState(fleet?.name ?? '');
  const [selector, setSelector] = useState(fleet?.selector ?? '');
  const [tokens, setTokens] = useState<readonly string[]>(fleet?.tokens ?? []);
  const [priority, setPriority] = useState(String(fleet?.priority ?? 0));
  const [configuration, setConfiguration] = useState('');
  const [policy, setPolicy] = useState(fleet ? toForm(fleet.policy) : emptyPolicyForm);
  const [{ fetching, error }, put] = useMutation(putFleetMutation);
  const { fields, rest } = byField(error, formFields);
  const hasStableVersion = fleet !== null && fleet.version !== null;

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const result = await put({
      name,
      selector,
      tokens,
      priority: Number(priority),
      configuration: configuration || null,
      policy: toPolicy(policy),
    });
    if (!result.data) return;
    const { rollout } = result.data.putFleet;
    await navigate(rollout ? `/rollouts/${rollout.id}` : `/fleets/${name}`);
  };

  return (
    <form className="form form-wide" onSubmit={(event) => void submit(event)}>
      <div className="form-row">
        {!fleet && <NameField value={name} onChange={setName} error={fields.name?.message} />}
        <TextField
          label="Priority"
          type="number"
          step={1}
          required
          value={priority}
          onChange={setPriority}
          error={fields.priority?.message}
          hint="An agent that matches several fleets belongs to the one with the highest."
        />
        {!hasStableVersion && (
          <ConfigurationField
            value={configuration}
            onChange={setConfiguration}
            error={fields.configuration?.message}
          />
        )}
      </div>
      <SelectorField value={selector} onChange={setSelector} error={fields.selector} />
      <TokensField value={tokens} onChange={setTokens} error={fields.tokens?.message} />
      <Panel
        title="Default policy of rollouts"
        aside={<span className="muted">Empty fields take Muster's default, shown in grey</span>}
      >
        <PolicyFields form={policy} defaults={defaultPolicy} errors={fields} onChange={setPolicy} />
      </Panel>
      <ErrorNotice errors={rest} />
      <div className="form-actions">
        <button type="submit" className="button button-primary" disabled={fetching}>
          {fleet ? 'Save fleet' : 'Create fleet'}
        </button>
      </div>
    </form>
  );
}

function ConfigurationField(props: {
  value: string;
  onChange: (value: string) => void;
  error: string | undefined;
}) {
  const [{ data }] = useQuery({ query: configurationsQuery, variables: {} });
  return (
    <SelectField
      {...props}
      label="First configuration"
      placeholder="none yet"
      required={false}
      options={(data?.configurations ?? []).map(({ name }) => ({ value: name, text: name }))}
      hint="Its newest version is rolled out at once, by the policy below."
    />
  );
}
