import { gql } from 'urql';

export interface OfferHold {
  since: string;
  reason: string;
  agents: { connected: number; reported: number; differ: number; unknown: number };
}

export const offerHoldQuery = gql<{ offerHold: OfferHold | null }, Record<string, never>>(`
  query OfferHold {
    offerHold { since reason agents { connected reported differ unknown } }
  }
`);

export type OfferHoldDecision = 'database' | 'agents';

export const releaseOfferHoldMutation = gql<
  { releaseOfferHold: { rollouts: number } },
  { decision: OfferHoldDecision }
>(`
  mutation ReleaseOfferHold($decision: String!) {
    releaseOfferHold(decision: $decision) { withoutTarget fleets rollouts }
  }
`);
