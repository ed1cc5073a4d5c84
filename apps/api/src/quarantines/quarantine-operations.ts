import type { Operation } from '../http/operation.ts';
import { quarantinePage, quarantineQuery } from './quarantine-schemas.ts';

const tag = 'quarantines';

export const quarantineOperations: Operation[] = [
  {
    method: 'get',
    path: '/quarantines',
    id: 'listQuarantines',
    summary: 'Who is not offered a version because it failed there, the latest first',
    tag,
    query: quarantineQuery,
    status: 200,
    answer: quarantinePage,
  },
  {
    method: 'delete',
    path: '/quarantines/{id}',
    id: 'liftQuarantine',
    summary: 'Lift a quarantine; the version may be offered again',
    tag,
    status: 204,
  },
];
