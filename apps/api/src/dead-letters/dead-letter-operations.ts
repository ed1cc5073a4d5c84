import type { Operation } from '../http/operation.ts';
import { deadLetterPage, deadLetterQuery, deadLetterResource } from './dead-letter-schemas.ts';

const tag = 'dead letters';

export const deadLetterOperations: Operation[] = [
  {
    method: 'get',
    path: '/dead-letters',
    id: 'listDeadLetters',
    summary: 'Messages that were set aside because they could not be processed, the latest first',
    tag,
    query: deadLetterQuery,
    status: 200,
    answer: deadLetterPage,
  },
  {
    method: 'get',
    path: '/dead-letters/{id}',
    id: 'getDeadLetter',
    summary: 'One message that was set aside',
    tag,
    status: 200,
    answer: deadLetterResource,
  },
  {
    method: 'post',
    path: '/dead-letters/{id}/replay',
    id: 'replayDeadLetter',
    summary: 'Have a message processed again; if that fails, it is set aside again under another id',
    tag,
    status: 202,
  },
  {
    method: 'delete',
    path: '/dead-letters/{id}',
    id: 'deleteDeadLetter',
    summary: 'Give a message up for good',
    tag,
    status: 204,
  },
];
