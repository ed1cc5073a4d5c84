import type { Quarantines } from '@muster/configs/quarantines.postgres';
import type { Resolvers } from '../graphql/resolvers.ts';
import { parse, parseId } from '../http/parse.ts';
import type { QuarantineChanges } from './quarantine-changes.ts';
import { quarantineQuery, toQuarantineResource } from './quarantine-schemas.ts';

export function quarantineResolvers(quarantines: Quarantines, changes: QuarantineChanges): Resolvers {
  return {
    Query: {
      async quarantines(_parent: unknown, args: unknown) {
        const page = await quarantines.page(parse(quarantineQuery, args, 'arguments'));
        return { ...page, items: page.items.map(toQuarantineResource) };
      },
    },
    Mutation: {
      async liftQuarantine(_parent: unknown, { id }: { id: string }, { actor }) {
        await changes.lift(actor, parseId(id));
        return true;
      },
    },
  };
}
