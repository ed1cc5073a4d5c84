import type { GraphqlContext, Resolvers } from '../graphql/resolvers.ts';
import type { ApiSettings } from '../settings.ts';
import { opampEndpoint } from './opamp-endpoint.ts';

export function opampEndpointResolvers(settings: ApiSettings): Resolvers {
  return {
    Query: {
      opampEndpoint: (_parent, _args, { headers }: GraphqlContext) => opampEndpoint(settings, headers),
    },
  };
}
