import { gql } from 'urql';
import type { Quarantine } from './quarantine.ts';

export interface QuarantineFilters {
  agent: string | null;
  fleet: string | null;
  configuration: string | null;
  /** True: those that were lifted; false: those in force. */
  lifted: boolean;
}

export const quarantinesQuery = gql<
  { quarantines: { items: Quarantine[]; next: string | null } },
  QuarantineFilters & { after: string | null }
>(`
  query Quarantines($agent: ID, $fleet: String, $configuration: String, $lifted: Boolean, $after: String) {
    quarantines(
      agent: $agent
      fleet: $fleet
      configuration: $configuration
      lifted: $lifted
      after: $after
      limit: 50
    ) {
      items { id scope agent cohort fleet versions reason since liftedAt liftedBy }
      next
    }
  }
`);

export const liftQuarantineMutation = gql<{ liftQuarantine: boolean }, { id: string }>(`
  mutation LiftQuarantine($id: ID!) {
    liftQuarantine(id: $id)
  }
`);
