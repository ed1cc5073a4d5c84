import { expect, test } from 'vitest';
import { compareVariables } from './variables.ts';

test('variables are compared with the stable ones, by name', () => {
  const next = { b: '1', a: 'x', d: '' };
  const stable = { a: 'y', c: '3', b: '1' };
  expect(compareVariables(next, stable)).toEqual([
    { name: 'a', next: 'x', stable: 'y', change: 'changed' },
    { name: 'b', next: '1', stable: '1', change: null },
    { name: 'c', next: null, stable: '3', change: 'removed' },
    { name: 'd', next: '', stable: null, change: 'new' },
  ]);
});
