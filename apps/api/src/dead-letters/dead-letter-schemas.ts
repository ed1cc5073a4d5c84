import { redactMessage } from '@muster/agents/credential-shapes';
import type { DeadLetter } from '@muster/messages/dead-letters';
import { z } from 'zod';
import { listParameters } from '../http/parse.ts';
import { dateTime, named, pageSchema, toDateTime } from '../http/schemas.ts';

/** Ids sort as text. */
function readCursor(value: unknown): unknown {
  return typeof value === 'string' ? value.toLowerCase() || undefined : value;
}

export const deadLetterQuery = z.strictObject({
  limit: listParameters.limit,
  after: z
    .preprocess(readCursor, z.guid('is not a cursor of this list').optional())
    .meta({ description: 'The `next` of the page before.' }),
});

export const deadLetterResource = named(
  'DeadLetter',
  z.object({
    id: z.guid(),
    subject: z.string().meta({ description: 'What it was: reports, agents.changed, …, rollouts.advance.' }),
    group: z.string().meta({ description: 'Those who could not take it.' }),
    at: dateTime.meta({ description: 'When it was set aside.' }),
    tries: z.int(),
    error: z.string(),
    agent: z.guid().nullable(),
    bytes: z.int().meta({ description: 'Size of what was set aside; it is never shown.' }),
  }),
);
export type DeadLetterResource = z.infer<typeof deadLetterResource>;

export const deadLetterPage = pageSchema('DeadLetterPage', deadLetterResource);

export function toDeadLetterResource(letter: DeadLetter): DeadLetterResource {
  return { ...letter, at: toDateTime(new Date(letter.at)), error: redactMessage(letter.error) };
}
