import { expect, test } from 'vitest';
import { allowedOrders, cohortText, countSegments, inWords, type RolloutState } from './rollout.ts';

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
  expect(allowedOrders({ state, catchingUp: false, halted: false })).toEqual(orders);
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

test('catching up can be paused, goes on when it halted, and is ended by hand', () => {
  const completed = { state: 'completed', catchingUp: true } as const;
  expect(allowedOrders({ ...completed, halted: false })).toEqual(['pause', 'abort']);
  expect(allowedOrders({ ...completed, halted: true })).toEqual(['resume', 'abort']);
});

test.each([
  [{ type: 'otelcol', version: '0.149.0', os: 'linux', arch: 'amd64' }, 'otelcol 0.149.0 linux/amd64'],
  [{ type: 'otelcol', version: '', os: '', arch: 'arm64' }, 'otelcol arm64'],
  [{ type: '', version: '', os: '', arch: '' }, 'agents that do not say what they are'],
  [{ type: null, version: null, os: null, arch: null }, 'the smaller cohorts'],
])('the cohort %j reads "%s"', (traits, text) => {
  expect(cohortText(traits)).toBe(text);
});
