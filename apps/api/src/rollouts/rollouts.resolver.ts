import type { BlastRadii } from '@muster/rollouts/blast-radii.postgres';
import type { RolloutService } from '@muster/rollouts/rollout-service';
import type { GraphqlContext, Resolvers, SubscriptionResolvers } from '../graphql/resolvers.ts';
import { parse, parseId } from '../http/parse.ts';
import type { Live } from '../live/live.ts';
import { rolloutPreview, toBlastRadiusResource } from './blast-radius-schemas.ts';
import type { RolloutChanges, RolloutOrder } from './rollout-changes.ts';
import {
  newRollout,
  rolloutAgentsQuery,
  rolloutQuery,
  toRolloutAgentResource,
  toRolloutEventResource,
  toRolloutResource,
  type RolloutResource,
} from './rollout-schemas.ts';

interface IdArguments {
  id: string;
}

export function rolloutResolvers(
  rollouts: RolloutService,
  changes: RolloutChanges,
  blastRadii: BlastRadii,
): Resolvers {
  const order =
    (name: RolloutOrder) =>
    async (_parent: unknown, { id }: IdArguments, { actor }: GraphqlContext): Promise<RolloutResource> =>
      toRolloutResource(await changes.order(actor, name, parseId(id)));

  return {
    Query: {
      previewRollout: async (_parent: unknown, args: unknown) =>
        toBlastRadiusResource(await blastRadii.preview(parse(rolloutPreview, args))),
      async rollouts(_parent: unknown, args: unknown) {
        const page = await rollouts.page(parse(rolloutQuery, args, 'arguments'));
        return { ...page, items: page.items.map(toRolloutResource) };
      },
      async rollout(_parent: unknown, { id }: IdArguments) {
        const found = await rollouts.find(parseId(id));
        return found && toRolloutResource(found);
      },
    },
    Mutation: {
      startRollout: async (_parent: unknown, args: unknown, { actor }) =>
        toRolloutResource(await changes.start(actor, parse(newRollout, args))),
      pauseRollout: order('pause'),
      resumeRollout: order('resume'),
      abortRollout: order('abort'),
      rollbackRollout: order('rollback'),
    },
    Rollout: {
      agents: async ({ id }: RolloutResource, args: unknown) => {
        const { items } = await rollouts.agents(id, parse(rolloutAgentsQuery, args, 'arguments'));
        return items.map(toRolloutAgentResource);
      },
      events: async ({ id }: RolloutResource) => (await rollouts.events(id)).map(toRolloutEventResource),
    },
  };
}

export function rolloutSubscriptions(live: Live): SubscriptionResolvers {
  return {
    rolloutChanged: {
      subscribe: (_parent: unknown, { id }: Partial<IdArguments>) =>
        live.rolloutChanged(id === undefined ? undefined : parseId(id)),
    },
  };
}
