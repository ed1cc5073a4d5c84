import { gql } from 'urql';
import type { Signal } from '../live-query.ts';
import type { AgentDetail, AgentFinding, AgentRow, AgentStatus } from './agent.ts';
import type { Explanation } from './explanation.ts';

export interface AgentFilters {
  selector: string | null;
  search: string | null;
  status: AgentStatus | null;
  fleet: string | null;
  finding: AgentFinding | null;
}

const rowFields = `
  uid
  name
  status
  healthy
  type
  version
  os
  arch
  hostname
  fleet
  lastSeenAt
  configuration {
    status
    current { name version hash }
    pending { name version hash }
    target { name version hash }
    error
  }
`;

export const agentsQuery = gql<
  { agents: { items: AgentRow[]; next: string | null; total: number } },
  AgentFilters & { after: string | null }
>(`
  query Agents(
    $selector: String
    $search: String
    $status: AgentStatus
    $fleet: String
    $finding: AgentFinding
    $after: String
  ) {
    agents(
      selector: $selector
      search: $search
      status: $status
      fleet: $fleet
      finding: $finding
      after: $after
      limit: 50
    ) {
      items { ${rowFields} }
      next
      total
    }
  }
`);

/** Which agents a selector would match. */
export const matchingAgentsQuery = gql<
  { agents: { total: number; items: { uid: string; name: string }[] } },
  { selector: string }
>(`
  query MatchingAgents($selector: String!) {
    agents(selector: $selector, limit: 5) {
      total
      items { uid name }
    }
  }
`);

export const agentQuery = gql<{ agent: AgentDetail | null }, { uid: string }>(`
  query Agent($uid: ID!) {
    agent(uid: $uid) {
      ${rowFields}
      labels
      capabilities
      transport
      enrolledAt
      connectedAt
      identifyingAttributes
      nonIdentifyingAttributes
      health
      effectiveConfig
      findings { file line column kind }
      findingsOmitted
      withheld
      driftNotCompared
      drift { kind since detail tries repair reason nextAt }
      components
      packages
      remoteConfigStatus { hash status error }
      connection { gateway transport remoteAddress enrollmentToken }
    }
  }
`);

/** Apart from the agent itself: to explain is to render. */
export const explanationQuery = gql<{ agent: { explanation: Explanation } | null }, { uid: string }>(`
  query Explanation($uid: ID!) {
    agent(uid: $uid) {
      uid
      explanation {
        fleets { name selector tokens priority wins requirements { requirement value source saidBy } }
        why
        configuration {
          name
          version
          source
          rollout
          overlays { index selector file applied }
          variables { name value }
          files
          hash
          error
          targetHash
          next { name version hash files error }
          quarantine { name version reason since instead { name version hash } }
        }
      }
    }
  }
`);

const agentsChanged = gql<{ agentsChanged: { uid: string }[] }, { uid: string | null }>(`
  subscription AgentsChanged($uid: ID) {
    agentsChanged(uid: $uid) { uid }
  }
`);

const agentsDeleted = gql<{ agentsDeleted: string[] }, Record<string, never>>(`
  subscription AgentsDeleted {
    agentsDeleted
  }
`);

/** Fires when any agent changed, came or went. */
export const agentsSignals: Signal[] = [
  { query: agentsChanged, variables: { uid: null } },
  { query: agentsDeleted, variables: {} },
];

/** Fires when this agent changed. */
export function agentSignals(uid: string): Signal[] {
  return [{ query: agentsChanged, variables: { uid } }];
}

export const setAgentLabelsMutation = gql<
  { setAgentLabels: { uid: string; labels: Record<string, string> } },
  { uid: string; labels: Record<string, string> }
>(`
  mutation SetAgentLabels($uid: ID!, $labels: JSON!) {
    setAgentLabels(uid: $uid, labels: $labels) { uid labels }
  }
`);

export const deleteAgentMutation = gql<{ deleteAgent: boolean }, { uid: string }>(`
  mutation DeleteAgent($uid: ID!) {
    deleteAgent(uid: $uid)
  }
`);

export const restartAgentMutation = gql<{ restartAgent: boolean }, { uid: string }>(`
  mutation RestartAgent($uid: ID!) {
    restartAgent(uid: $uid)
  }
`);
