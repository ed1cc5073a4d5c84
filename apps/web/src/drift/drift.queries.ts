import { gql } from 'urql';
import type { DriftedAgent, DriftKind } from './drift.ts';

export const driftQuery = gql<
  { drift: { items: DriftedAgent[]; next: string | null } },
  { kind: DriftKind | null; fleet: string | null; after: string | null }
>(`
  query Drift($kind: DriftKind, $fleet: String, $after: String) {
    drift(kind: $kind, fleet: $fleet, after: $after, limit: 50) {
      items { agent name fleet kind since detail tries repair reason nextAt }
      next
    }
  }
`);
