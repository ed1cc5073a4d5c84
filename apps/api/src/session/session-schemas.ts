import { z } from 'zod';
import { dateTime, named } from '../http/schemas.ts';

export const signIn = named('SignIn', z.strictObject({ key: z.string().min(1).max(512) }));

export const sessionResource = named(
  'Session',
  z.object({
    actor: z.string(),
    expiresAt: dateTime.nullable().meta({ description: 'Known when the session is opened.' }),
  }),
);
export type SessionResource = z.infer<typeof sessionResource>;
