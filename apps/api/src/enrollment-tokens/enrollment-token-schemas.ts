import type { EnrollmentToken } from '@muster/access/enrollment-token';
import { z } from 'zod';
import { dateTime, named, pageSchema, textMap, toDateTime } from '../http/schemas.ts';

const mayTakeOverMeaning =
  'Agents that belong to other enrollment tokens may come in by it, and belong to it from then on.';

export const newEnrollmentToken = named(
  'NewEnrollmentToken',
  z.strictObject({
    name: z.string().min(1).max(256),
    expiresAt: z.iso
      .datetime({ offset: true, error: 'must be an RFC 3339 time' })
      .transform((text) => new Date(text))
      .refine((time) => time.getTime() > Date.now(), 'must be in the future')
      .nullish(),
    maxUses: z.int().min(1).max(2_147_483_647).nullish(),
    labels: textMap.optional().meta({ description: 'Labels for every agent that comes in by it.' }),
    mayTakeOver: z.boolean().optional().meta({ description: mayTakeOverMeaning }),
  }),
);

export const enrollmentTokenPatch = named(
  'EnrollmentTokenPatch',
  z.strictObject({ mayTakeOver: z.boolean().meta({ description: mayTakeOverMeaning }) }),
);

export const createdToken = named(
  'CreatedToken',
  z.object({ id: z.guid(), token: z.string().meta({ description: 'The secret, shown this once.' }) }),
);

export const enrollmentTokenResource = named(
  'EnrollmentToken',
  z.object({
    id: z.guid(),
    name: z.string(),
    labels: textMap,
    expiresAt: dateTime.nullable(),
    maxUses: z.int().nullable(),
    uses: z.int(),
    createdAt: dateTime,
    createdBy: z.string(),
    revokedAt: dateTime.nullable(),
    mayTakeOver: z.boolean(),
  }),
);
export type EnrollmentTokenResource = z.infer<typeof enrollmentTokenResource>;

export const enrollmentTokenPage = pageSchema('EnrollmentTokenPage', enrollmentTokenResource);

export function toEnrollmentTokenResource(token: EnrollmentToken): EnrollmentTokenResource {
  const { id, name, labels, maxUses, uses, createdBy, mayTakeOver } = token;
  return {
    id,
    name,
    labels,
    expiresAt: toDateTime(token.expiresAt),
    maxUses,
    uses,
    createdAt: toDateTime(token.createdAt),
    createdBy,
    revokedAt: toDateTime(token.revokedAt),
    mayTakeOver,
  };
}
