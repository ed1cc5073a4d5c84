import type { AccessService } from '@muster/access/access-service';
import type { Resolvers } from '../graphql/resolvers.ts';
import { parse, parseId } from '../http/parse.ts';
import type { EnrollmentTokenChanges } from './enrollment-token-changes.ts';
import {
  enrollmentTokenPatch,
  newEnrollmentToken,
  toEnrollmentTokenResource,
} from './enrollment-token-schemas.ts';

export function enrollmentTokenResolvers(access: AccessService, changes: EnrollmentTokenChanges): Resolvers {
  return {
    Query: {
      enrollmentTokens: async () => (await access.listEnrollmentTokens()).map(toEnrollmentTokenResource),
    },
    Mutation: {
      createEnrollmentToken: (_parent: unknown, args: unknown, { actor }) =>
        changes.create(actor, parse(newEnrollmentToken, args)),
      async updateEnrollmentToken(_parent: unknown, { id, ...change }: { id: string }, { actor }) {
        const token = await changes.change(actor, parseId(id), parse(enrollmentTokenPatch, change));
        return toEnrollmentTokenResource(token);
      },
      async revokeEnrollmentToken(_parent: unknown, { id }: { id: string }, { actor }) {
        await changes.revoke(actor, parseId(id));
        return true;
      },
    },
  };
}
