import { AgentOffline, InvalidSelector } from '@muster/agents/errors';
import { BusUnavailable, RequestFailed } from '@muster/messages/errors';
import { expect, it } from 'vitest';
import { InvalidRequest } from './errors.ts';
import { toProblem } from './problem.ts';

it('tells reason, field and place', () => {
  expect(toProblem(new InvalidSelector('a value is missing', 2))).toEqual({
    type: 'about:blank',
    title: 'Bad Request',
    status: 400,
    detail: 'a value is missing at character 3',
    code: 'invalid-selector',
    field: 'selector',
    position: 2,
  });
  expect(toProblem(new AgentOffline('x'))).toMatchObject({ status: 409, title: 'Conflict' });
  const several = new InvalidRequest(
    { field: 'a', detail: 'is missing' },
    { field: 'b', detail: 'is missing' },
  );
  expect(toProblem(several)?.errors).toHaveLength(2);
});

it('does not tell what other parts say', () => {
  expect(toProblem(new RequestFailed('relation "secrets" does not exist'))?.detail).not.toContain('secrets');
  expect(toProblem(new BusUnavailable('nats://user:password@host'))).toMatchObject({ status: 503 });
  expect(JSON.stringify(toProblem(new BusUnavailable('nats://user:password@host')))).not.toContain(
    'password',
  );
});

it.each(['ECONNREFUSED', '57P01', '08006'])('a database that is away (%s) may be asked again', (code) => {
  const error = Object.assign(new Error('connect 10.0.0.1:5432'), { code });
  expect(toProblem(error)).toMatchObject({ status: 503, code: 'database-unavailable' });
  expect(JSON.stringify(toProblem(error))).not.toContain('10.0.0.1');
});

it.each([
  new Error('x'),
  Object.assign(new Error('x'), { code: '23505' }),
  'text',
  null,
  { code: 'unauthenticated' },
])('what was not foreseen is no known problem (%s)', (error) => {
  expect(toProblem(error)).toBeNull();
});
