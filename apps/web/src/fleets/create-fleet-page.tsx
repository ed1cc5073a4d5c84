import { PageHeader } from '../ui/page-header.tsx';
import { FleetForm } from './fleet-form.tsx';

export function CreateFleetPage() {
  return (
    <>
      <PageHeader title="New fleet" parent={{ to: '/fleets', title: 'Fleets' }} />
      <FleetForm fleet={null} />
    </>
  );
}
