import type { Rollout, RolloutAgent, RolloutEvent } from '@muster/rollouts/rollout-views.postgres';
import { z } from 'zod';
import { listParameters, textParameter, versionNumber } from '../http/parse.ts';
import { anyJson, dateTime, named, pageSchema, toDateTime } from '../http/schemas.ts';

export const rolloutQuery = z.strictObject({
  fleet: textParameter.meta({ description: 'Only rollouts of this fleet.' }),
  ...listParameters,
});

export const newRollout = named(
  'NewRollout',
  z.strictObject({
    fleet: z.string().min(1).max(256),
    configuration: z.string().min(1).max(256),
    version: versionNumber,
    policy: z
      .record(z.string(), z.unknown())
      .optional()
      .meta({ description: "Members left out are the fleet's, then the defaults." }),
  }),
);

const counts = z.record(z.string(), z.int());

export const rolloutResource = named(
  'Rollout',
  z.object({
    id: z.guid(),
    fleet: z.string(),
    configuration: z.string(),
    version: z.int(),
    state: z.enum([
      'scheduled',
      'running',
      'paused',
      'completed',
      'rollingBack',
      'rolledBack',
      'aborted',
      'replaced',
    ]),
    reason: z.string(),
    policy: anyJson,
    wave: z.int(),
    waves: z.array(z.object({ index: z.int(), size: z.int(), state: z.string(), counts })),
    counts: counts.meta({
      description: 'waiting, offered, applied, failed, deferred, quarantined → number of agents.',
    }),
    createdAt: dateTime,
    createdBy: z.string(),
    finishedAt: dateTime.nullable(),
  }),
);
export type RolloutResource = z.infer<typeof rolloutResource>;

export const rolloutPage = pageSchema('RolloutPage', rolloutResource);

export const rolloutAgentResource = named(
  'RolloutAgent',
  z.object({
    uid: z.guid(),
    name: z.string(),
    wave: z.int(),
    state: z.string(),
    error: z.string(),
    offeredAt: dateTime.nullable(),
    settledAt: dateTime.nullable(),
  }),
);
export type RolloutAgentResource = z.infer<typeof rolloutAgentResource>;

export const rolloutEventResource = named(
  'RolloutEvent',
  z.object({
    at: dateTime,
    actor: z.string(),
    kind: z.string(),
    detail: anyJson,
  }),
);
export type RolloutEventResource = z.infer<typeof rolloutEventResource>;

export const rolloutEventPage = pageSchema('RolloutEventPage', rolloutEventResource);

export function toRolloutResource(rollout: Rollout): RolloutResource {
  return {
    id: rollout.id,
    fleet: rollout.fleet,
    configuration: rollout.configuration,
    version: rollout.version,
    state: rollout.state,
    reason: rollout.reason,
    policy: { ...rollout.policy },
    wave: rollout.wave,
    waves: [...rollout.waves],
    counts: rollout.counts,
    createdAt: toDateTime(rollout.createdAt),
    createdBy: rollout.createdBy,
    finishedAt: toDateTime(rollout.finishedAt),
  };
}

export function toRolloutAgentResource(agent: RolloutAgent): RolloutAgentResource {
  return { ...agent, offeredAt: toDateTime(agent.offeredAt), settledAt: toDateTime(agent.settledAt) };
}

export function toRolloutEventResource({ at, actor, kind, detail }: RolloutEvent): RolloutEventResource {
  return { at: toDateTime(at), actor, kind, detail };
}
