import { CombinedError } from 'urql';
import { expect, test } from 'vitest';
import { byField, isSignedOut, serverErrors } from './server-error.ts';

function refusal(...errors: { message: string; extensions?: Record<string, unknown> }[]) {
  return new CombinedError({ graphQLErrors: errors });
}

test('an answer without an error has no errors', () => {
  expect(serverErrors(undefined)).toEqual([]);
});

test('code, field, position and problems come from the extensions', () => {
  const problems = [{ severity: 'error', message: 'bad indentation', path: null, line: 3, column: 5 }];
  const error = refusal({
    message: 'The configuration is not valid.',
    extensions: { code: 'invalid-configuration', field: 'body', problems },
  });
  expect(serverErrors(error)).toEqual([
    {
      code: 'invalid-configuration',
      field: 'body',
      message: 'The configuration is not valid.',
      position: null,
      problems: [{ ...problems[0], file: '', agents: [], agentCount: null }],
    },
  ]);
});

test('a network error is told in words a person can act on', () => {
  const error = new CombinedError({ networkError: new TypeError('Failed to fetch') });
  expect(serverErrors(error).map(({ code }) => code)).toEqual(['unreachable']);
});

test('errors of a field in the form go to the field, all others to the rest', () => {
  const error = refusal(
    { message: 'taken', extensions: { field: 'name' } },
    { message: 'also too long', extensions: { field: 'name' } },
    { message: 'unknown fleet', extensions: { field: 'fleet' } },
    { message: 'no field at all' },
  );
  const { fields, rest } = byField(error, ['name', 'body']);
  expect(fields.name?.message).toBe('taken');
  expect(fields.body).toBeUndefined();
  expect(rest.map(({ message }) => message)).toEqual(['also too long', 'unknown fleet', 'no field at all']);
});

test('a member of a field belongs to the field that names it most closely', () => {
  const error = refusal({ message: 'must reach further', extensions: { field: 'policy.waves[1]' } });
  expect(Object.keys(byField(error, ['policy', 'policy.waves', 'policy.wave']).fields)).toEqual([
    'policy.waves',
  ]);
  expect(Object.keys(byField(error, ['policy']).fields)).toEqual(['policy']);
});

test('a session that ended is known by status or code', () => {
  const unauthorized = new CombinedError({
    networkError: new Error('Unauthorized'),
    response: new Response(null, { status: 401 }),
  });
  expect(isSignedOut(unauthorized)).toBe(true);
  expect(isSignedOut(refusal({ message: 'sign in', extensions: { code: 'unauthenticated' } }))).toBe(true);
  expect(isSignedOut(refusal({ message: 'taken', extensions: { code: 'name-taken' } }))).toBe(false);
});
