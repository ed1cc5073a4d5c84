import type { Resolvers, SubscriptionResolvers } from '../graphql/resolvers.ts';
import type { Live } from '../live/live.ts';
import type { OverviewResources } from './overview-resources.ts';

export function overviewResolvers(overview: OverviewResources): Resolvers {
  return { Query: { overview: () => overview.find() } };
}

export function overviewSubscriptions(live: Live): SubscriptionResolvers {
  return { overviewChanged: { subscribe: () => live.overviewChanged() } };
}
