import type { Fleet } from '@muster/configs/fleet';
import { z } from 'zod';
import { anyJson, dateTime, named, pageSchema, textMap, toDateTime } from '../http/schemas.ts';

export const putFleet = named(
  'PutFleet',
  z.strictObject({
    selector: z.string().max(4096).meta({
      description:
        'Kubernetes label selector; empty: every agent. `label:env=prod` asks for a label, `attribute:env=prod` for what the agent says of itself, `token:edge` for the enrollment token it belongs to.',
    }),
    tokens: z
      .array(z.string().min(1).max(256))
      .max(100)
      .nullable()
      .optional()
      .meta({ description: 'Names of the enrollment tokens whose agents alone it takes; null: of all.' }),
    priority: z
      .int()
      .min(-2_147_483_648)
      .max(2_147_483_647)
      .optional()
      .meta({ description: 'An agent belongs to the matching fleet with the highest.' }),
    configuration: z
      .string()
      .max(256)
      .optional()
      .meta({ description: 'For a fleet without a stable version: roll out the newest version of it.' }),
    policy: z
      .record(z.string(), z.unknown())
      .optional()
      .meta({ description: "How this fleet's rollouts go; every field has a default." }),
    variables: textMap
      .optional()
      .meta({ description: 'What templates read as `variables`; counts from the next rollout on.' }),
  }),
);

export const fleetResource = named(
  'Fleet',
  z.object({
    name: z.string(),
    selector: z.string(),
    tokens: z
      .array(z.string())
      .nullable()
      .meta({ description: 'Names of the enrollment tokens it is restricted to; null: it is not.' }),
    priority: z.int(),
    configuration: z.string().nullable(),
    version: z.int().nullable().meta({ description: 'The stable version; null: none yet.' }),
    policy: anyJson,
    variables: textMap,
    stableVariables: textMap.meta({ description: 'What the stable version was rolled out with.' }),
    agents: z.int(),
    connected: z.int(),
    counts: z.record(z.string(), z.int()).meta({ description: 'configuration.status → number of agents.' }),
    rollout: z
      .string()
      .nullable()
      .meta({ description: 'Id of the rollout under way, or of the one this call started.' }),
    createdAt: dateTime,
    updatedAt: dateTime,
  }),
);
export type FleetResource = z.infer<typeof fleetResource>;

export const fleetPage = pageSchema('FleetPage', fleetResource);

export function toFleetResource(fleet: Fleet, rollout: string | null): FleetResource {
  return {
    name: fleet.name,
    selector: fleet.selector,
    tokens: fleet.tokens && [...fleet.tokens],
    priority: fleet.priority,
    configuration: fleet.configuration,
    version: fleet.version,
    policy: { ...fleet.policy },
    variables: { ...fleet.variables },
    stableVariables: { ...fleet.stableVariables },
    agents: fleet.agents,
    connected: fleet.connected,
    counts: fleet.counts,
    rollout,
    createdAt: toDateTime(fleet.createdAt),
    updatedAt: toDateTime(fleet.updatedAt),
  };
}
