import { z } from 'zod';
import { configurationStatus } from '../agents/agent-schemas.ts';
import { driftCounts } from '../drift/drift-schemas.ts';
import { named } from '../http/schemas.ts';
import { rolloutResource } from '../rollouts/rollout-schemas.ts';

export const overviewResource = named(
  'Overview',
  z.object({
    agents: z.int(),
    connected: z.int(),
    disconnected: z.int(),
    unhealthy: z.int(),
    withCredentials: z.int(),
    configurationStatus: z.array(z.object({ status: configurationStatus, count: z.int() })),
    drift: driftCounts,
    deadLetters: z
      .int()
      .nullable()
      .meta({ description: 'Messages that were set aside; null: the bus does not say.' }),
    versions: z.array(z.object({ name: z.string(), count: z.int() })),
    fleets: z.int(),
    configurations: z.int(),
    activeRollouts: z.array(rolloutResource),
  }),
);
