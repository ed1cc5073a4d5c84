import type { Operation } from '../http/operation.ts';
import { listQuery } from '../http/parse.ts';
import {
  createdToken,
  enrollmentTokenPage,
  enrollmentTokenPatch,
  enrollmentTokenResource,
  newEnrollmentToken,
} from './enrollment-token-schemas.ts';

const tag = 'enrollment-tokens';

export const enrollmentTokenOperations: Operation[] = [
  {
    method: 'get',
    path: '/enrollment-tokens',
    id: 'listEnrollmentTokens',
    summary: 'Enrollment tokens without their secrets, oldest first',
    tag,
    query: listQuery,
    status: 200,
    answer: enrollmentTokenPage,
  },
  {
    method: 'post',
    path: '/enrollment-tokens',
    id: 'createEnrollmentToken',
    summary: 'Make a token that lets agents in',
    tag,
    body: newEnrollmentToken,
    status: 201,
    answer: createdToken,
  },
  {
    method: 'patch',
    path: '/enrollment-tokens/{id}',
    id: 'patchEnrollmentToken',
    summary: 'Allow or forbid that agents of other tokens come in by a token',
    tag,
    body: enrollmentTokenPatch,
    status: 200,
    answer: enrollmentTokenResource,
  },
  {
    method: 'delete',
    path: '/enrollment-tokens/{id}',
    id: 'revokeEnrollmentToken',
    summary: 'Revoke a token and end the connections that used it',
    tag,
    status: 204,
  },
];
