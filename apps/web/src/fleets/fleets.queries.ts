import { gql } from 'urql';
import type { ConfigurationStatus } from '../agents/agent.ts';
import type { RolloutSummary } from '../rollouts/rollout.ts';
import { rolloutSummaryFields } from '../rollouts/rollouts.queries.ts';

export interface Fleet {
  name: string;
  selector: string;
  /** Names of the enrollment tokens it is restricted to; null: it is not. */
  tokens: string[] | null;
  priority: number;
  /** The stable version; null: none yet. */
  configuration: string | null;
  version: number | null;
  policy: Record<string, unknown>;
  /** What the next rollout takes. */
  variables: Record<string, string>;
  /** What agents on the stable version have. */
  stableVariables: Record<string, string>;
  agents: number;
  connected: number;
  counts: Partial<Record<ConfigurationStatus, number>>;
  rollout: RolloutSummary | null;
}

const fleetFields = `
  name
  selector
  tokens
  priority
  configuration
  version
  policy
  variables
  stableVariables
  agents
  connected
  counts
  rollout { ${rolloutSummaryFields} }
`;

export const fleetNamesQuery = gql<{ fleets: { name: string }[] }, Record<string, never>>(`
  query FleetNames {
    fleets { name }
  }
`);

export const fleetsQuery = gql<{ fleets: Fleet[] }, Record<string, never>>(`
  query Fleets {
    fleets { ${fleetFields} }
  }
`);

export const fleetQuery = gql<{ fleet: Fleet | null }, { name: string }>(`
  query Fleet($name: String!) {
    fleet(name: $name) { ${fleetFields} }
  }
`);

export interface PutFleetVariables {
  name: string;
  selector: string;
  /** Empty: agents of every token. */
  tokens: readonly string[];
  priority: number;
  configuration: string | null;
  policy: Record<string, unknown>;
}

export const putFleetMutation = gql<
  { putFleet: { fleet: { name: string }; rollout: { id: string } | null } },
  PutFleetVariables
>(`
  mutation PutFleet($name: String!, $selector: String!, $tokens: [String!], $priority: Int, $configuration: String, $policy: JSON) {
    putFleet(name: $name, selector: $selector, tokens: $tokens, priority: $priority, configuration: $configuration, policy: $policy) {
      fleet { name }
      rollout { id }
    }
  }
`);

/** What is not given stays as it was. */
export const putVariablesMutation = gql<
  { putFleet: { fleet: { name: string } } },
  { name: string; selector: string; variables: Record<string, string> }
>(`
  mutation PutVariables($name: String!, $selector: String!, $variables: JSON) {
    putFleet(name: $name, selector: $selector, variables: $variables) {
      fleet { name variables }
    }
  }
`);

export const deleteFleetMutation = gql<{ deleteFleet: boolean }, { name: string }>(`
  mutation DeleteFleet($name: String!) {
    deleteFleet(name: $name)
  }
`);
