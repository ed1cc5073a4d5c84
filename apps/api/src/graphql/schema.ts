import type { GraphQLSchema } from 'graphql/index.js';
import { agentResolvers, agentSubscriptions } from '../agents/agents.resolver.ts';
import { auditResolvers } from '../audit/audit.resolver.ts';
import { configurationResolvers } from '../configurations/configurations.resolver.ts';
import { deadLetterResolvers } from '../dead-letters/dead-letters.resolver.ts';
import { driftResolvers } from '../drift/drift.resolver.ts';
import { enrollmentTokenResolvers } from '../enrollment-tokens/enrollment-tokens.resolver.ts';
import { fleetResolvers } from '../fleets/fleets.resolver.ts';
import type { Live } from '../live/live.ts';
import { offerHoldResolvers } from '../offer-hold/offer-hold.resolver.ts';
import { opampEndpointResolvers } from '../opamp-endpoint/opamp-endpoint.resolver.ts';
import { overviewResolvers, overviewSubscriptions } from '../overview/overview.resolver.ts';
import { quarantineResolvers } from '../quarantines/quarantines.resolver.ts';
import { rolloutResolvers, rolloutSubscriptions } from '../rollouts/rollouts.resolver.ts';
import { typeDefinitions } from '../schema.graphql.ts';
import type { ApiSettings } from '../settings.ts';
import type { ApiServices } from '../wire.ts';
import { executableSchema } from './executable-schema.ts';
import type { Resolvers } from './resolvers.ts';

/** The GraphQL schema over the same services as REST. */
export function graphqlSchema(services: ApiServices, settings: ApiSettings, live: Live): GraphQLSchema {
  const resolvers = merge([
    agentResolvers(services.agentResources, services.agentChanges, services.explanations),
    configurationResolvers(services.configurations, services.configurationChanges, services.validation),
    fleetResolvers(services.fleetResources, services.fleetChanges, services.rollouts),
    rolloutResolvers(services.rollouts, services.rolloutChanges, services.blastRadii),
    quarantineResolvers(services.quarantines, services.quarantineChanges),
    driftResolvers(services.driftResources),
    enrollmentTokenResolvers(services.access, services.enrollmentTokenChanges),
    deadLetterResolvers(services.deadLetters, services.deadLetterChanges),
    opampEndpointResolvers(settings),
    auditResolvers(services.audit),
    offerHoldResolvers(services.offerHold),
    overviewResolvers(services.overview),
  ]);
  const subscriptions = {
    ...agentSubscriptions(live),
    ...overviewSubscriptions(live),
    ...rolloutSubscriptions(live),
  };
  return executableSchema(typeDefinitions, resolvers, subscriptions);
}

function merge(parts: readonly Resolvers[]): Resolvers {
  const merged: Resolvers = {};
  for (const part of parts) {
    for (const [type, fields] of Object.entries(part)) merged[type] = { ...merged[type], ...fields };
  }
  return merged;
}
