import { gql } from 'urql';

export interface AuditEvent {
  id: string;
  at: string;
  actor: string;
  action: string;
  resource: string;
  detail: Record<string, unknown>;
}

export const auditQuery = gql<
  { audit: { items: AuditEvent[]; next: string | null } },
  { resource: string | null; after: string | null }
>(`
  query Audit($resource: String, $after: String) {
    audit(resource: $resource, limit: 50, after: $after) {
      items { id at actor action resource detail }
      next
    }
  }
`);
