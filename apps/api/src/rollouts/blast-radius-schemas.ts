import type { BlastRadius } from '@muster/rollouts/blast-radius';
import { z } from 'zod';
import { problemResource, toProblemResource } from '../configurations/configuration-schemas.ts';
import { named } from '../http/schemas.ts';
import { newRollout } from './rollout-schemas.ts';

/** A rollout as it would be started, now. */
export const rolloutPreview = named('RolloutPreview', newRollout.omit({ startAt: true }));

const cohort = {
  type: z.string(),
  version: z.string(),
  os: z.string(),
  arch: z.string(),
  agents: z.int(),
};

export const blastRadiusResource = named(
  'BlastRadius',
  z.object({
    agents: z.int().meta({ description: 'Agents of the fleet.' }),
    touched: z.int().meta({ description: 'Agents that would be offered something now or when they return.' }),
    cannotSay: z
      .object({
        byEffectiveConfig: z
          .int()
          .meta({ description: 'They report what they run, and are judged by that.' }),
        unconfirmed: z
          .int()
          .meta({ description: 'They report neither: they count as unconfirmed once they were sent it.' }),
      })
      .meta({ description: 'Of those, agents that cannot say what they make of a config.' }),
    waves: z.array(z.int()).meta({ description: 'How many agents each wave would hold.' }),
    changes: z
      .array(
        z.object({
          from: z
            .string()
            .nullable()
            .meta({ description: 'Hash of the text they have; null: none of ours.' }),
          to: z.string(),
          agents: z.int(),
          sample: z.array(z.guid()),
          cohorts: z.array(z.object(cohort)),
          diff: z.string().meta({ description: 'Unified diff; empty: alike.' }),
          added: z.array(z.string()).meta({ description: 'Components, as receivers/otlp.' }),
          removed: z.array(z.string()),
        }),
      )
      .meta({ description: 'Agents with the same text now and then, most agents first; up to 50.' }),
    more: z
      .object({ changes: z.int(), agents: z.int() })
      .meta({ description: 'Groups beyond those, and their agents.' }),
    skipped: z
      .array(
        z.object({
          reason: z.enum(['noCapability', 'notRenderable', 'missingComponent', 'quarantine', 'offline']),
          detail: z.string(),
          agents: z.int(),
          sample: z.array(z.guid()),
        }),
      )
      .meta({ description: 'Who gets nothing, or not now, and why.' }),
    problems: z
      .array(problemResource)
      .meta({ description: 'What is wrong with the texts that most agents would get; up to 100 texts.' }),
  }),
);
export type BlastRadiusResource = z.infer<typeof blastRadiusResource>;

export function toBlastRadiusResource(radius: BlastRadius): BlastRadiusResource {
  return {
    agents: radius.agents,
    touched: radius.touched,
    cannotSay: radius.cannotSay,
    waves: [...radius.waves],
    changes: radius.changes.map(({ sample, cohorts, added, removed, ...change }) => ({
      ...change,
      sample: [...sample],
      cohorts: [...cohorts],
      added: [...added],
      removed: [...removed],
    })),
    more: radius.more,
    skipped: radius.skipped.map(({ sample, ...skipped }) => ({ ...skipped, sample: [...sample] })),
    problems: radius.problems.map(toProblemResource),
  };
}
