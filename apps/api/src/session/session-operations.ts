import type { Operation } from '../http/operation.ts';
import { sessionResource, signIn } from './session-schemas.ts';

const tag = 'session';

export const sessionOperations: Operation[] = [
  {
    method: 'post',
    path: '/session',
    id: 'openSession',
    summary: 'Sign in with an API key; sets the session cookie',
    tag,
    body: signIn,
    status: 200,
    answer: sessionResource,
    open: true,
  },
  {
    method: 'get',
    path: '/session',
    id: 'getSession',
    summary: 'Who is signed in',
    tag,
    status: 200,
    answer: sessionResource,
  },
  { method: 'delete', path: '/session', id: 'closeSession', summary: 'Sign out', tag, status: 204 },
];
