import type { Resolvers } from '../graphql/resolvers.ts';
import { parse } from '../http/parse.ts';
import type { OfferHoldResources } from './offer-hold-resources.ts';
import { releaseOfferHold } from './offer-hold-schemas.ts';

export function offerHoldResolvers(holds: OfferHoldResources): Resolvers {
  return {
    Query: { offerHold: () => holds.find() },
    Mutation: {
      releaseOfferHold: (_parent: unknown, args: unknown, { actor }) =>
        holds.release(actor, parse(releaseOfferHold, args, 'arguments').decision),
    },
  };
}
