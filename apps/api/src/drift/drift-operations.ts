import type { Operation } from '../http/operation.ts';
import { driftPage, driftQuery } from './drift-schemas.ts';

export const driftOperations: Operation[] = [
  {
    method: 'get',
    path: '/drift',
    id: 'listDrift',
    summary: 'Agents that are not what they should be, and how far their repair is',
    tag: 'drift',
    query: driftQuery,
    status: 200,
    answer: driftPage,
  },
];
