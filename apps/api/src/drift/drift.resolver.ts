import type { Resolvers } from '../graphql/resolvers.ts';
import type { DriftResources } from './drift-resources.ts';

export function driftResolvers(drift: DriftResources): Resolvers {
  return { Query: { drift: (_parent: unknown, args: unknown) => drift.page(args, 'arguments') } };
}
