import { useState, type SubmitEvent } from 'react';
import { Link, useNavigate, useSearchParams } from 'react-router';
import { useMutation, useQuery } from 'urql';
import { configurationsQuery, type ConfigurationSummary } from '../configurations/configurations.queries.ts';
import { fleetsQuery, type Fleet } from '../fleets/fleets.queries.ts';
import { byField, serverErrors } from '../server-error.ts';
import { EmptyState } from '../ui/empty-state.tsx';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { TextField } from '../ui/field.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { Panel } from '../ui/panel.tsx';
import { SelectField } from '../ui/select-field.tsx';
import { BlastRadiusPanel } from './blast-radius-panel.tsx';
import { canStart } from './blast-radius.ts';
import { PolicyFields } from './policy-form.tsx';
import { emptyPolicyForm, policyDefaults, policyFields, toPolicy } from './policy.ts';
import { startRolloutMutation } from './rollouts.queries.ts';
import { useBlastRadius } from './use-blast-radius.ts';

const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Starts a rollout; fleet, configuration and version may come with the URL. */
export function StartRolloutPage() {
  const [fleets] = useQuery({ query: fleetsQuery, variables: {} });
  const [configurations] = useQuery({ query: configurationsQuery, variables: {} });
  return (
    <>
      <PageHeader title="New rollout" parent={{ to: '/rollouts', title: 'Rollouts' }} />
      <ErrorNotice errors={serverErrors(fleets.error ?? configurations.error)} />
      {fleets.data && configurations.data && (
        <StartRollout fleets={fleets.data.fleets} configurations={configurations.data.configurations} />
      )}
    </>
  );
}

function StartRollout(props: { fleets: Fleet[]; configurations: ConfigurationSummary[] }) {
  if (props.fleets.length > 0 && props.configurations.length > 0) return <StartRolloutForm {...props} />;
  return (
    <EmptyState title="A rollout needs a fleet and a configuration">
      {props.configurations.length === 0 && <Link to="/create/configuration">Create a configuration</Link>}
      {props.fleets.length === 0 && <Link to="/create/fleet">Create a fleet</Link>}
    </EmptyState>
  );
}

const formFields = [
  'fleet',
  'configuration',
  'version',
  'startAt',
  ...policyFields.map((field) => `policy.${field}` as const),
] as const;

function StartRolloutForm({
  fleets,
  configurations,
}: {
  fleets: Fleet[];
  configurations: ConfigurationSummary[];
}) {
  const navigate = useNavigate();
  const [params] = useSearchParams();
  const [fleetName, setFleetName] = useState(params.get('fleet') ?? '');
  const [configurationName, setConfigurationName] = useState(params.get('configuration') ?? '');
  const [version, setVersion] = useState(params.get('version') ?? '');
  const [policy, setPolicy] = useState(emptyPolicyForm);
  const [startAt, setStartAt] = useState('');
  const [{ fetching, error }, start] = useMutation(startRolloutMutation);
  const fleet = fleets.find(({ name }) => name === fleetName);
  const configuration = configurations.find(({ name }) => name === configurationName);
  const chosenVersion = version || String(configuration?.latest.version ?? '');

  const plan = {
    fleet: fleetName,
    configuration: configurationName,
    version: Number(chosenVersion),
    policy: toPolicy(policy),
  };
  const isComplete = fleet !== undefined && configuration !== undefined && chosenVersion !== '';
  const preview = useBlastRadius(isComplete ? plan : null);
  const mayStart = preview.error === undefined && (preview.radius === null || canStart(preview.radius));
  const { fields, rest } = byField(error ?? preview.error, formFields);

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const at = startAt === '' ? null : new Date(startAt).toISOString();
    const result = await start({ ...plan, startAt: at });
    if (result.data) await navigate(`/rollouts/${result.data.startRollout.id}`);
  };

  return (
    <form className="form form-wide" onSubmit={(event) => void submit(event)}>
      <div className="form-row">
        <SelectField
          label="Fleet"
          placeholder="Choose a fleet"
          options={fleets.map(({ name }) => ({ value: name, text: name }))}
          value={fleetName}
          onChange={setFleetName}
          error={fields.fleet?.message}
          hint={fleet && fleetHint(fleet)}
        />
        <SelectField
          label="Configuration"
          placeholder="Choose a configuration"
          options={configurations.map(({ name }) => ({ value: name, text: name }))}
          value={configurationName}
          onChange={(name) => {
            setConfigurationName(name);
            setVersion('');
          }}
          error={fields.configuration?.message}
        />
        <SelectField
          label="Version"
          placeholder="Choose a configuration first"
          options={versionOptions(configuration?.latest.version ?? 0)}
          value={chosenVersion}
          onChange={setVersion}
          error={fields.version?.message}
        />
        <TextField
          label="Start at"
          type="datetime-local"
          value={startAt}
          onChange={setStartAt}
          error={fields.startAt?.message}
          hint={`Empty: at once. By the clock of this browser, ${timezone}.`}
        />
      </div>
      <Panel
        title="Policy"
        aside={<span className="muted">Empty fields take the fleet's default, shown in grey</span>}
      >
        <PolicyFields
          form={policy}
          defaults={policyDefaults(fleet?.policy ?? {})}
          errors={fields}
          onChange={setPolicy}
        />
      </Panel>
      {fleet?.rollout && (
        <p className="muted">
          A rollout of this fleet is under way; the new one replaces it.{' '}
          <Link to={`/rollouts/${fleet.rollout.id}`}>Look at it</Link>
        </p>
      )}
      {isComplete && !preview.error && <BlastRadiusPanel radius={preview.radius} later={startAt !== ''} />}
      <ErrorNotice errors={rest} />
      <div className="form-actions">
        <button
          type="submit"
          className="button button-primary"
          disabled={fetching || preview.counting || !mayStart}
        >
          Start rollout
        </button>
      </div>
    </form>
  );
}

/** Versions count from 1 without gaps. */
function versionOptions(latest: number) {
  return Array.from({ length: latest }, (_, index) => latest - index).map((version) => ({
    value: String(version),
    text: version === latest ? `v${version} (latest)` : `v${version}`,
  }));
}

function fleetHint({ agents, connected, configuration, version }: Fleet) {
  const stable =
    configuration === null ? 'no stable version yet' : `stable version is ${configuration} v${version}`;
  return `${agents} agents, ${connected} connected; ${stable}.`;
}
