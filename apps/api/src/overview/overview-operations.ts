import type { Operation } from '../http/operation.ts';
import { overviewResource } from './overview-schemas.ts';

export const overviewOperations: Operation[] = [
  {
    method: 'get',
    path: '/overview',
    id: 'getOverview',
    summary: 'Counts of everything',
    tag: 'overview',
    status: 200,
    answer: overviewResource,
  },
];
