import { offerHoldDecisions, type OfferHold, type OfferHoldAgents } from '@muster/configs/offer-hold';
import { z } from 'zod';
import { dateTime, named, toDateTime } from '../http/schemas.ts';

export const offerHoldResource = named(
  'OfferHold',
  z.object({
    since: dateTime,
    reason: z.string(),
    agents: z
      .object({
        connected: z.int(),
        reported: z.int().meta({ description: 'Connected agents that have reported since.' }),
        differ: z
          .int()
          .meta({ description: 'Of these, those that run something else than the database says.' }),
        unknown: z
          .int()
          .meta({ description: 'Of these, those that run what the database has never rendered.' }),
      })
      .meta({ description: 'Agents that the database has something for.' }),
  }),
);
export type OfferHoldResource = z.infer<typeof offerHoldResource>;

export const offerHoldState = named(
  'OfferHoldState',
  z.object({ hold: offerHoldResource.nullable().meta({ description: 'Null: offers are made.' }) }),
);

export const releaseOfferHold = named(
  'ReleaseOfferHold',
  z.strictObject({
    decision: z.enum(offerHoldDecisions, 'must be "database" or "agents"').meta({
      description:
        "database: the fleets' stable versions count, agents that differ are brought to them at their fleet's pace. agents: they keep what they run, and fleets of which agents differ have no stable version until a rollout completes.",
    }),
  }),
);

export const offerHoldRelease = named(
  'OfferHoldRelease',
  z.object({
    withoutTarget: z.int().meta({ description: 'Agents that convergence looks at anew.' }),
    fleets: z.array(z.string()).meta({ description: 'Fleets that have no stable version any more.' }),
    rollouts: z.int().meta({ description: 'Rollouts that were under way and stand still.' }),
  }),
);
export type OfferHoldRelease = z.infer<typeof offerHoldRelease>;

export function toOfferHoldResource(hold: OfferHold, agents: OfferHoldAgents): OfferHoldResource {
  return { since: toDateTime(hold.since), reason: hold.reason, agents: { ...agents } };
}
