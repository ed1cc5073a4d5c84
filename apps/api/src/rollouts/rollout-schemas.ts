import { agentOutcomes, agentStates } from '@muster/rollouts/rollout-agent';
import type { Rollout } from '@muster/rollouts/rollout-view';
import type { RolloutAgent, RolloutEvent } from '@muster/rollouts/rollout-views.postgres';
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
    startAt: z.iso
      .datetime({ offset: true, error: 'must be an RFC 3339 time, such as "2030-01-31T22:00:00Z"' })
      .transform((text) => new Date(text))
      .optional()
      .meta({ description: 'When to start; absent, or past: at once.' }),
  }),
);

export const rolloutAgentsQuery = z.strictObject({
  state: z
    .enum(agentStates, `must be one of ${agentStates.join(', ')}`)
    .optional()
    .meta({ description: 'Only agents that stand so.' }),
  outcome: z
    .enum(agentOutcomes, `must be one of ${agentOutcomes.join(', ')}`)
    .optional()
    .meta({ description: 'Only agents that made this of their offer, also if they were taken back since.' }),
  ...listParameters,
});

const counts = z.record(z.string(), z.int());
const waveCohort = z.object({ cohort: z.int(), size: z.int(), counts });
const cohort = z.object({
  cohort: z.int().meta({ description: 'Its number in this rollout.' }),
  type: z.string().nullable(),
  version: z.string().nullable(),
  os: z.string().nullable(),
  arch: z.string().nullable(),
  size: z.int(),
  state: z.string().meta({ description: 'running, stopped or rolledBack.' }),
  reason: z.string(),
  counts,
});

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
    waves: z.array(
      z.object({
        index: z.int(),
        size: z.int(),
        state: z.string(),
        counts,
        cohorts: z.array(waveCohort),
      }),
    ),
    cohorts: z
      .array(cohort)
      .meta({ description: 'Agents of the same kind, the largest cohort first; nulls: all the others.' }),
    counts: counts.meta({ description: `${agentStates.join(', ')} → number of agents.` }),
    startAt: dateTime.nullable().meta({ description: 'When it was to start; null: at once.' }),
    waitsUntil: dateTime
      .nullable()
      .meta({ description: 'When offers go on that a window, the pace or the start holds back.' }),
    catchingUp: z
      .boolean()
      .meta({ description: 'Completed, and agents that were away still get their turn.' }),
    halted: z
      .boolean()
      .meta({ description: 'Catching up stopped at a gate, or by a person; resume goes on.' }),
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
    cohort: z.int(),
    state: z.string().meta({ description: `How it stands now: ${agentStates.join(', ')}.` }),
    error: z.string(),
    outcome: z.enum(agentOutcomes).nullable().meta({
      description: 'What it made of its offer; it stays when the agent is taken back. Null: nothing yet.',
    }),
    outcomeReason: z.string().meta({ description: 'Why it failed; empty: it did not.' }),
    offeredAt: dateTime.nullable(),
    settledAt: dateTime.nullable(),
  }),
);
export type RolloutAgentResource = z.infer<typeof rolloutAgentResource>;

export const rolloutAgentPage = pageSchema('RolloutAgentPage', rolloutAgentResource);

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
    waves: rollout.waves.map((wave) => ({ ...wave, cohorts: [...wave.cohorts] })),
    cohorts: rollout.cohorts.map(({ cohort, traits, size, state, reason, counts }) => ({
      cohort,
      type: traits?.type ?? null,
      version: traits?.version ?? null,
      os: traits?.os ?? null,
      arch: traits?.arch ?? null,
      size,
      state,
      reason,
      counts,
    })),
    counts: rollout.counts,
    startAt: toDateTime(rollout.startAt),
    waitsUntil: toDateTime(rollout.waitsUntil),
    catchingUp: rollout.catchingUp,
    halted: rollout.halted,
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
