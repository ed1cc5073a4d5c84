import { useMemo } from 'react';
import { useClient } from 'urql';
import { useLiveQuery } from '../live-query.ts';
import { QuarantineTable } from '../quarantines/quarantine-table.tsx';
import { quarantinesQuery } from '../quarantines/quarantines.queries.ts';
import { serverErrors } from '../server-error.ts';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { Panel } from '../ui/panel.tsx';
import { agentSignals } from './agents.queries.ts';

/** The versions that are not offered to this agent, or to its cohort. Nothing when there are none. */
export function AgentQuarantines({ uid }: { uid: string }) {
  const client = useClient();
  const signals = useMemo(() => agentSignals(uid), [uid]);
  const variables = { agent: uid, fleet: null, configuration: null, lifted: false, after: null };
  const { data, error } = useLiveQuery(quarantinesQuery, variables, signals);
  const again = () =>
    void client.query(quarantinesQuery, variables, { requestPolicy: 'network-only' }).toPromise();
  const quarantines = data?.quarantines.items ?? [];
  if (quarantines.length === 0 && !error) return null;
  return (
    <Panel title="Quarantines">
      <ErrorNotice errors={serverErrors(error)} />
      {quarantines.length > 0 && <QuarantineTable quarantines={quarantines} onLifted={again} />}
    </Panel>
  );
}
