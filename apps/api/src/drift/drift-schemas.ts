import type { DriftedAgent } from '@muster/configs/drift-views.postgres';
import { driftKinds, type Drift } from '@muster/configs/drift';
import { z } from 'zod';
import { listParameters, textParameter } from '../http/parse.ts';
import { dateTime, named, pageSchema, toDateTime } from '../http/schemas.ts';

const driftKind = z.enum(driftKinds, `must be ${driftKinds.join(', ')}`);

export const driftQuery = z.strictObject({
  kind: z
    .preprocess((value) => (value === '' ? undefined : value), driftKind.optional())
    .meta({ description: 'Only agents that drifted in this way.' }),
  fleet: textParameter.meta({ description: 'Only members of this fleet.' }),
  ...listParameters,
});

const driftFields = {
  kind: driftKind.meta({
    description:
      'effective: it runs something else than it applied. unknown: it is on nobody’s version. unconfirmed: it never confirmed its target.',
  }),
  since: dateTime,
  detail: z
    .array(z.string())
    .meta({ description: 'The first paths that its effective configuration lacks; effective only.' }),
  tries: z.int(),
  repair: z.enum(['pending', 'forbidden', 'notRepaired']),
  reason: z.string().meta({ description: 'Why it is not repaired; empty: nothing stands against it.' }),
  nextAt: dateTime.nullable().meta({ description: 'When it is looked at again; null: it was given up.' }),
};

export const driftResource = named('Drift', z.object(driftFields));
export type DriftResource = z.infer<typeof driftResource>;

export const driftedAgentResource = named(
  'DriftedAgent',
  z.object({ agent: z.guid(), name: z.string(), fleet: z.string().nullable(), ...driftFields }),
);
export type DriftedAgentResource = z.infer<typeof driftedAgentResource>;

export const driftPage = pageSchema('DriftPage', driftedAgentResource);

export const driftCounts = z.array(z.object({ kind: driftKind, count: z.int() }));

export function toDriftResource({
  kind,
  since,
  detail,
  tries,
  repair,
  reason,
  nextAt,
}: Drift): DriftResource {
  return {
    kind,
    since: toDateTime(since),
    detail: [...detail],
    tries,
    repair,
    reason,
    nextAt: toDateTime(nextAt),
  };
}

export function toDriftedAgentResource(drift: DriftedAgent): DriftedAgentResource {
  return { agent: drift.agent, name: drift.name, fleet: drift.fleet, ...toDriftResource(drift) };
}
