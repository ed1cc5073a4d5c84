import type { Operation } from '../http/operation.ts';
import { listQuery } from '../http/parse.ts';
import { fleetPage, fleetResource, putFleet } from './fleet-schemas.ts';

const tag = 'fleets';

export const fleetOperations: Operation[] = [
  {
    method: 'get',
    path: '/fleets',
    id: 'listFleets',
    summary: 'Fleets by name',
    tag,
    query: listQuery,
    status: 200,
    answer: fleetPage,
  },
  {
    method: 'get',
    path: '/fleets/{name}',
    id: 'getFleet',
    summary: 'One fleet',
    tag,
    status: 200,
    answer: fleetResource,
  },
  {
    method: 'put',
    path: '/fleets/{name}',
    id: 'putFleet',
    summary: 'Make or change a fleet',
    tag,
    body: putFleet,
    status: 200,
    answer: fleetResource,
  },
  {
    method: 'delete',
    path: '/fleets/{name}',
    id: 'deleteFleet',
    summary: 'Delete a fleet',
    tag,
    status: 204,
  },
];
