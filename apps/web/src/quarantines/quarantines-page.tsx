import { useSearchParams } from 'react-router';
import { useClient, useQuery } from 'urql';
import { agentsSignals } from '../agents/agents.queries.ts';
import { configurationsQuery } from '../configurations/configurations.queries.ts';
import { fleetNamesQuery } from '../fleets/fleets.queries.ts';
import { useLiveQuery } from '../live-query.ts';
import { rolloutsSignals } from '../rollouts/rollouts.queries.ts';
import { serverErrors } from '../server-error.ts';
import { EmptyState } from '../ui/empty-state.tsx';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { Pager } from '../ui/pager.tsx';
import { SelectField } from '../ui/select-field.tsx';
import { QuarantineTable } from './quarantine-table.tsx';
import { quarantinesQuery, type QuarantineFilters } from './quarantines.queries.ts';

const signals = [...agentsSignals, ...rolloutsSignals];

/** Where versions are not offered again, the latest first. The URL narrows them. */
export function QuarantinesPage() {
  const [params] = useSearchParams();
  const client = useClient();
  const filters: QuarantineFilters = {
    agent: null,
    fleet: params.get('fleet'),
    configuration: params.get('configuration'),
    lifted: params.get('lifted') === 'true',
  };
  const variables = { ...filters, after: params.get('after') };
  const { data, error } = useLiveQuery(quarantinesQuery, variables, signals);
  const again = () =>
    void client.query(quarantinesQuery, variables, { requestPolicy: 'network-only' }).toPromise();
  const quarantines = data?.quarantines.items ?? [];
  return (
    <>
      <PageHeader title="Quarantines">
        A version that failed is not offered there again by itself, until someone lifts the quarantine.
      </PageHeader>
      <Filters filters={filters} />
      <ErrorNotice errors={serverErrors(error)} />
      {quarantines.length > 0 && (
        <>
          <QuarantineTable quarantines={quarantines} onLifted={again} />
          <Pager next={data?.quarantines.next ?? null} summary="The latest first" />
        </>
      )}
      {data && quarantines.length === 0 && (
        <EmptyState
          title={filters.lifted ? 'No quarantine was lifted here.' : 'No agent is in quarantine here.'}
        />
      )}
    </>
  );
}

function Filters({ filters }: { filters: QuarantineFilters }) {
  const [params, setParams] = useSearchParams();
  const [fleets] = useQuery({ query: fleetNamesQuery, variables: {} });
  const [configurations] = useQuery({ query: configurationsQuery, variables: {} });
  const choose = (name: string, value: string) => {
    const changed = new URLSearchParams(params);
    changed.delete('after');
    if (value) changed.set(name, value);
    else changed.delete(name);
    setParams(changed, { replace: true });
  };
  const options = (named: { name: string }[] | undefined) =>
    (named ?? []).map(({ name }) => ({ value: name, text: name }));
  return (
    <search className="form-row">
      <SelectField
        label="Fleet"
        placeholder="any"
        required={false}
        options={options(fleets.data?.fleets)}
        value={filters.fleet ?? ''}
        onChange={(fleet) => choose('fleet', fleet)}
      />
      <SelectField
        label="Configuration"
        placeholder="any"
        required={false}
        options={options(configurations.data?.configurations)}
        value={filters.configuration ?? ''}
        onChange={(configuration) => choose('configuration', configuration)}
      />
      <SelectField
        label="Show"
        placeholder="in force"
        required={false}
        options={[{ value: 'true', text: 'lifted' }]}
        value={filters.lifted ? 'true' : ''}
        onChange={(lifted) => choose('lifted', lifted)}
      />
    </search>
  );
}
