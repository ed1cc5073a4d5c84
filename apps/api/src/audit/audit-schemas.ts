import type { AuditEvent } from '@muster/access/audit.postgres';
import { z } from 'zod';
import { listParameters, textParameter } from '../http/parse.ts';
import { anyJson, dateTime, named, pageSchema, toDateTime } from '../http/schemas.ts';

export const auditQuery = z.strictObject({
  resource: textParameter.meta({ description: 'Only events of this resource, as in fleet/prod.' }),
  ...listParameters,
});

export const auditEventResource = named(
  'AuditEvent',
  z.object({
    id: z.guid(),
    at: dateTime,
    actor: z.string(),
    action: z.string(),
    resource: z.string(),
    detail: anyJson,
  }),
);
export type AuditEventResource = z.infer<typeof auditEventResource>;

export const auditPage = pageSchema('AuditPage', auditEventResource);

export function toAuditEventResource(event: AuditEvent): AuditEventResource {
  return { ...event, at: toDateTime(event.at) };
}
