import { UnknownFleet } from '@muster/configs/errors';
import type { RolloutService } from '@muster/rollouts/rollout-service';
import type { Resolvers } from '../graphql/resolvers.ts';
import { parse, parseName } from '../http/parse.ts';
import { toRolloutResource } from '../rollouts/rollout-schemas.ts';
import type { FleetChanges } from './fleet-changes.ts';
import type { FleetResources } from './fleet-resources.ts';
import { putFleet, type FleetResource } from './fleet-schemas.ts';

interface NameArguments {
  name: string;
}

export function fleetResolvers(
  fleets: FleetResources,
  changes: FleetChanges,
  rollouts: RolloutService,
): Resolvers {
  return {
    Query: {
      fleets: () => fleets.list(),
      fleet: (_parent: unknown, { name }: NameArguments) =>
        fleets.find(parseName(name)).catch((error: unknown) => {
          if (error instanceof UnknownFleet) return null;
          throw error;
        }),
    },
    Mutation: {
      async putFleet(_parent: unknown, { name, ...args }: NameArguments, { actor }) {
        const { tokens, ...rest } = args as { tokens?: unknown[] };
        const lifted = tokens?.length === 0 ? null : tokens;
        const input = { name: parseName(name), ...parse(putFleet, { ...rest, tokens: lifted }) };
        const { rollout } = await changes.put(actor, input);
        return { fleet: await fleets.find(input.name), rollout: rollout && toRolloutResource(rollout) };
      },
      async deleteFleet(_parent: unknown, { name }: NameArguments, { actor }) {
        await changes.delete(actor, parseName(name));
        return true;
      },
    },
    Fleet: {
      async rollout({ rollout }: FleetResource) {
        const found = rollout === null ? null : await rollouts.find(rollout);
        return found && toRolloutResource(found);
      },
    },
  };
}
