import type { Quarantine } from '@muster/configs/quarantines.postgres';
import { z } from 'zod';
import { listParameters, textParameter } from '../http/parse.ts';
import { dateTime, named, pageSchema, toDateTime } from '../http/schemas.ts';

/** A query has texts, GraphQL arguments are typed. */
function readFlag(value: unknown): unknown {
  return value === 'true' || value === 'false' ? value === 'true' : value;
}

export const quarantineQuery = z.strictObject({
  agent: z
    .guid('must be the uid of an agent')
    .optional()
    .meta({ description: 'Only those that hold for this agent.' }),
  fleet: textParameter.meta({
    description: 'Only those of agents of this fleet, of a cohort it has agents of, or shown by it.',
  }),
  configuration: textParameter.meta({ description: 'Only those for versions of this configuration.' }),
  lifted: z
    .preprocess(readFlag, z.boolean('must be true or false').default(false))
    .meta({ description: 'true: those that were lifted; false: those in force.' }),
  ...listParameters,
});

export const quarantineResource = named(
  'Quarantine',
  z.object({
    id: z.guid(),
    scope: z.enum(['agent', 'cohort']),
    agent: z.object({ uid: z.guid(), name: z.string() }).nullable(),
    cohort: z.object({ type: z.string(), version: z.string(), os: z.string(), arch: z.string() }).nullable(),
    fleet: z.string().nullable(),
    versions: z
      .array(z.object({ configuration: z.string(), version: z.int() }))
      .meta({ description: 'What is not offered, in any rendering.' }),
    reason: z.string(),
    since: dateTime,
    liftedAt: dateTime.nullable(),
    liftedBy: z.string().nullable(),
  }),
);
export type QuarantineResource = z.infer<typeof quarantineResource>;

export const quarantinePage = pageSchema('QuarantinePage', quarantineResource);

export function toQuarantineResource(quarantine: Quarantine): QuarantineResource {
  const { id, scope, agent, cohort, fleet, versions, reason, liftedBy } = quarantine;
  return {
    id,
    scope,
    agent,
    cohort,
    fleet,
    versions: [...versions],
    reason,
    since: toDateTime(quarantine.since),
    liftedAt: toDateTime(quarantine.liftedAt),
    liftedBy,
  };
}
