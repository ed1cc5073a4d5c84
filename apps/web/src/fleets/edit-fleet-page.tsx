import { useParams } from 'react-router';
import { useQuery } from 'urql';
import { NotFoundPage } from '../not-found-page.tsx';
import { serverErrors } from '../server-error.ts';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { FleetForm } from './fleet-form.tsx';
import { fleetQuery } from './fleets.queries.ts';

export function EditFleetPage() {
  const { name = '' } = useParams();
  const [{ data, error, stale }] = useQuery({ query: fleetQuery, variables: { name } });
  const errors = serverErrors(error);
  if (errors.some(({ code }) => code === 'unknown-fleet') || (data && !data.fleet)) {
    return <NotFoundPage what="fleet" />;
  }
  return (
    <>
      <PageHeader title={`Edit ${name}`} parent={{ to: `/fleets/${name}`, title: name }} />
      <ErrorNotice errors={errors} />
      {/* A form filled from an old answer would overwrite what changed since. */}
      {data?.fleet && !stale && <FleetForm fleet={data.fleet} />}
    </>
  );
}
