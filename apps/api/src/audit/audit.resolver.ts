import type { Audit } from '@muster/access/audit.postgres';
import type { Resolvers } from '../graphql/resolvers.ts';
import { parse } from '../http/parse.ts';
import { auditQuery, toAuditEventResource } from './audit-schemas.ts';

export function auditResolvers(audit: Audit): Resolvers {
  return {
    Query: {
      async audit(_parent: unknown, args: unknown) {
        const page = await audit.page(parse(auditQuery, args, 'arguments'));
        return { ...page, items: page.items.map(toAuditEventResource) };
      },
    },
  };
}
