import type { DeadLetters } from '@muster/messages/dead-letters';
import type { Resolvers } from '../graphql/resolvers.ts';
import { parse, parseId } from '../http/parse.ts';
import type { DeadLetterChanges } from './dead-letter-changes.ts';
import { deadLetterQuery, toDeadLetterResource } from './dead-letter-schemas.ts';

export function deadLetterResolvers(deadLetters: DeadLetters, changes: DeadLetterChanges): Resolvers {
  return {
    Query: {
      async deadLetters(_parent: unknown, args: unknown) {
        const page = await deadLetters.page(parse(deadLetterQuery, args, 'arguments'));
        return { ...page, items: page.items.map(toDeadLetterResource) };
      },
      async deadLetter(_parent: unknown, { id }: { id: string }) {
        const letter = await deadLetters.find(parseId(id));
        return letter && toDeadLetterResource(letter);
      },
    },
    Mutation: {
      async replayDeadLetter(_parent: unknown, { id }: { id: string }, { actor }) {
        await changes.replay(actor, parseId(id));
        return true;
      },
      async deleteDeadLetter(_parent: unknown, { id }: { id: string }, { actor }) {
        await changes.delete(actor, parseId(id));
        return true;
      },
    },
  };
}
