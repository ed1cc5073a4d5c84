import { expect, test } from 'vitest';
import { allowedOrders, countSegments, detailText, inWords, type RolloutState } from './rollout.ts';

test.each<[RolloutState, string[]]>([
  ['scheduled', ['abort']],
  ['running', ['pause', 'abort', 'rollback']],
  ['paused', ['resume', 'abort', 'rollback']],
  ['completed', []],
  ['rollingBack', ['abort']],
  ['rolledBack', []],
  ['aborted', []],
  ['replaced', []],
])('a rollout that is %s takes %j', (state, orders) => {
  expect(allowedOrders(state)).toEqual(orders);
});

test('states read as words', () => {
  expect(inWords('rollingBack')).toBe('rolling back');
  expect(inWords('paused')).toBe('paused');
});

test('counts that are missing are none', () => {
  const segments = countSegments({ applied: 3, rolledBack: 1 });
  expect(segments.filter(({ count }) => count > 0)).toEqual([
    { label: 'applied', count: 3, tone: 'ok' },
    { label: 'rolled back', count: 1, tone: 'warn' },
  ]);
});

test('details of an event read as a list', () => {
  expect(detailText({ wave: 1, reason: '', soakSeconds: 0, at: null, counts: { failed: 1 } })).toBe(
    'wave 2, soak seconds 0',
  );
  expect(detailText({})).toBe('');
});
