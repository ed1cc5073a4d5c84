import type { Operation } from '../http/operation.ts';
import { auditPage, auditQuery } from './audit-schemas.ts';

export const auditOperations: Operation[] = [
  {
    method: 'get',
    path: '/audit',
    id: 'listAuditEvents',
    summary: 'Changes by people and keys, newest first',
    tag: 'audit',
    query: auditQuery,
    status: 200,
    answer: auditPage,
  },
];
