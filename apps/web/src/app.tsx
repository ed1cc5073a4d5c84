import { Route, Routes } from 'react-router';
import { AgentPage } from './agents/agent-page.tsx';
import { AgentsPage } from './agents/agents-page.tsx';
import { AuditPage } from './audit/audit-page.tsx';
import { ConfigurationPage } from './configurations/configuration-page.tsx';
import { ConfigurationsPage } from './configurations/configurations-page.tsx';
import { CreateConfigurationPage } from './configurations/create-configuration-page.tsx';
import { NewVersionPage } from './configurations/new-version-page.tsx';
import { DriftPage } from './drift/drift-page.tsx';
import { EnrollmentTokensPage } from './enrollment-tokens/enrollment-tokens-page.tsx';
import { CreateFleetPage } from './fleets/create-fleet-page.tsx';
import { EditFleetPage } from './fleets/edit-fleet-page.tsx';
import { FleetPage } from './fleets/fleet-page.tsx';
import { FleetsPage } from './fleets/fleets-page.tsx';
import { Layout } from './layout.tsx';
import { NotFoundPage } from './not-found-page.tsx';
import { OverviewPage } from './overview/overview-page.tsx';
import { QuarantinesPage } from './quarantines/quarantines-page.tsx';
import { RolloutPage } from './rollouts/rollout-page.tsx';
import { RolloutsPage } from './rollouts/rollouts-page.tsx';
import { StartRolloutPage } from './rollouts/start-rollout-page.tsx';

/** Every page and its path. Forms live under /create, so that names are free to be "new". */
export function App() {
  return (
    <Routes>
      <Route element={<Layout />}>
        <Route index element={<OverviewPage />} />
        <Route path="agents" element={<AgentsPage />} />
        <Route path="agents/:uid" element={<AgentPage />} />
        <Route path="configurations" element={<ConfigurationsPage />} />
        <Route path="configurations/:name" element={<ConfigurationPage />} />
        <Route path="configurations/:name/new-version" element={<NewVersionPage />} />
        <Route path="create/configuration" element={<CreateConfigurationPage />} />
        <Route path="fleets" element={<FleetsPage />} />
        <Route path="fleets/:name" element={<FleetPage />} />
        <Route path="fleets/:name/edit" element={<EditFleetPage />} />
        <Route path="create/fleet" element={<CreateFleetPage />} />
        <Route path="rollouts" element={<RolloutsPage />} />
        <Route path="rollouts/:id" element={<RolloutPage />} />
        <Route path="create/rollout" element={<StartRolloutPage />} />
        <Route path="quarantines" element={<QuarantinesPage />} />
        <Route path="drift" element={<DriftPage />} />
        <Route path="enrollment-tokens" element={<EnrollmentTokensPage />} />
        <Route path="audit" element={<AuditPage />} />
        <Route path="*" element={<NotFoundPage what="page" />} />
      </Route>
    </Routes>
  );
}
