import { gql } from 'urql';
import type { ConfigurationStatus } from '../agents/agent.ts';
import type { DriftKind } from '../drift/drift.ts';
import type { Signal } from '../live-query.ts';
import type { RolloutSummary } from '../rollouts/rollout.ts';
import { rolloutSummaryFields } from '../rollouts/rollouts.queries.ts';

export interface Overview {
  agents: number;
  connected: number;
  disconnected: number;
  unhealthy: number;
  /** Agents whose effective configuration held credentials. */
  withCredentials: number;
  configurationStatus: { status: ConfigurationStatus; count: number }[];
  drift: { kind: DriftKind; count: number }[];
  /** Messages that were set aside; null: not known. */
  deadLetters: number | null;
  versions: { name: string; count: number }[];
  fleets: number;
  configurations: number;
  activeRollouts: RolloutSummary[];
}

export const overviewQuery = gql<{ overview: Overview }, Record<string, never>>(`
  query Overview {
    overview {
      agents
      connected
      disconnected
      unhealthy
      withCredentials
      configurationStatus { status count }
      drift { kind count }
      deadLetters
      versions { name count }
      fleets
      configurations
      activeRollouts { ${rolloutSummaryFields} }
    }
  }
`);

const overviewChanged = gql<{ overviewChanged: { agents: number } }, Record<string, never>>(`
  subscription OverviewChanged {
    overviewChanged { agents }
  }
`);

/** Fires when anything on the overview changed. */
export const overviewSignals: Signal[] = [{ query: overviewChanged, variables: {} }];
