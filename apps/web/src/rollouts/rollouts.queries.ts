import { gql } from 'urql';
import type { Signal } from '../live-query.ts';
import type { BlastRadius } from './blast-radius.ts';
import type {
  AgentOutcome,
  RolloutAgentState,
  RolloutDetail,
  RolloutOrder,
  RolloutState,
  RolloutSummary,
} from './rollout.ts';

export const rolloutSummaryFields = `
  id
  fleet
  configuration
  version
  state
  reason
  wave
  waves { index size state }
  counts
  catchingUp
  halted
  createdAt
  createdBy
  finishedAt
`;

export const rolloutsQuery = gql<
  { rollouts: { items: RolloutSummary[]; next: string | null } },
  { fleet: string | null; limit: number; after: string | null }
>(`
  query Rollouts($fleet: String, $limit: Int, $after: String) {
    rollouts(fleet: $fleet, limit: $limit, after: $after) {
      items { ${rolloutSummaryFields} }
      next
    }
  }
`);

export const rolloutQuery = gql<
  { rollout: RolloutDetail | null },
  { id: string; agentState: RolloutAgentState | null; agentOutcome: AgentOutcome | null }
>(`
  query Rollout($id: ID!, $agentState: String, $agentOutcome: String) {
    rollout(id: $id) {
      id
      fleet
      configuration
      version
      state
      reason
      policy
      wave
      waves { index size state counts cohorts { cohort size counts } }
      cohorts { cohort type version os arch size state reason counts }
      counts
      startAt
      waitsUntil
      catchingUp
      halted
      createdAt
      createdBy
      finishedAt
      agents(limit: 200, state: $agentState, outcome: $agentOutcome) {
        uid name wave cohort state error outcome outcomeReason offeredAt settledAt
      }
      events { at actor kind detail }
    }
  }
`);

const rolloutChanged = gql<{ rolloutChanged: { id: string } }, { id: string | null }>(`
  subscription RolloutChanged($id: ID) {
    rolloutChanged(id: $id) { id }
  }
`);

/** Fires when any rollout changed. */
export const rolloutsSignals: Signal[] = [{ query: rolloutChanged, variables: { id: null } }];

/** Fires when this rollout changed. */
export function rolloutSignals(id: string): Signal[] {
  return [{ query: rolloutChanged, variables: { id } }];
}

/** What goes where, and how. */
export interface RolloutPlan {
  fleet: string;
  configuration: string;
  version: number;
  policy: Record<string, unknown>;
}

export const previewRolloutQuery = gql<{ previewRollout: BlastRadius }, RolloutPlan>(`
  query PreviewRollout($fleet: String!, $configuration: String!, $version: Int!, $policy: JSON) {
    previewRollout(fleet: $fleet, configuration: $configuration, version: $version, policy: $policy) {
      agents
      touched
      cannotSay { byEffectiveConfig unconfirmed }
      waves
      changes {
        from
        to
        agents
        sample
        cohorts { type version os arch agents }
        diff
        added
        removed
      }
      more { changes agents }
      skipped { reason detail agents sample }
      problems { severity message path line column file agents agentCount }
    }
  }
`);

/** `startAt` is RFC 3339; null: at once. */
export const startRolloutMutation = gql<
  { startRollout: { id: string } },
  RolloutPlan & { startAt: string | null }
>(`
  mutation StartRollout(
    $fleet: String!
    $configuration: String!
    $version: Int!
    $policy: JSON
    $startAt: DateTime
  ) {
    startRollout(
      fleet: $fleet
      configuration: $configuration
      version: $version
      policy: $policy
      startAt: $startAt
    ) { id }
  }
`);

interface Ordered {
  rollout: { id: string; state: RolloutState };
}

export const pauseRolloutMutation = gql<Ordered, { id: string }>(`
  mutation PauseRollout($id: ID!) {
    rollout: pauseRollout(id: $id) { id state }
  }
`);

export const resumeRolloutMutation = gql<Ordered, { id: string }>(`
  mutation ResumeRollout($id: ID!) {
    rollout: resumeRollout(id: $id) { id state }
  }
`);

export const abortRolloutMutation = gql<Ordered, { id: string }>(`
  mutation AbortRollout($id: ID!) {
    rollout: abortRollout(id: $id) { id state }
  }
`);

export const rollbackRolloutMutation = gql<Ordered, { id: string }>(`
  mutation RollbackRollout($id: ID!) {
    rollout: rollbackRollout(id: $id) { id state }
  }
`);

export const orderMutations = {
  pause: pauseRolloutMutation,
  resume: resumeRolloutMutation,
  abort: abortRolloutMutation,
  rollback: rollbackRolloutMutation,
} satisfies Record<RolloutOrder, unknown>;
