import { describe, expect, test } from 'vitest';
import { InvalidPolicy } from './errors.ts';
import { amountOf, defaultPolicy, parsePolicy } from './policy.ts';

test('every member has a default', () => {
  expect(parsePolicy({})).toEqual(defaultPolicy);
});

test('members given win over the defaults passed in, one by one', () => {
  const fleet = parsePolicy({ soakSeconds: 0, maxFailed: 3, waves: ['5', '100%'] });
  expect(parsePolicy({ maxFailed: '2%', perSecond: null }, fleet)).toEqual({
    ...defaultPolicy,
    soakSeconds: 0,
    maxFailed: '2%',
    waves: ['5', '100%'],
  });
});

describe('names the member that is wrong', () => {
  test.each([
    [null, 'policy'],
    [[], 'policy'],
    [{ windows: [] }, 'policy.windows'],
    [{ waves: [] }, 'policy.waves'],
    [{ waves: '1' }, 'policy.waves'],
    [{ waves: ['1', 'x'] }, 'policy.waves[1]'],
    [{ waves: ['50%', '10%'] }, 'policy.waves[1]'],
    [{ waves: ['5', '10%', '5'] }, 'policy.waves[2]'],
    [{ waves: ['0'] }, 'policy.waves[0]'],
    [{ waves: ['101%'] }, 'policy.waves[0]'],
    [{ perSecond: 0 }, 'policy.perSecond'],
    [{ perSecond: 0.5 }, 'policy.perSecond'],
    [{ applyDeadlineSeconds: null }, 'policy.applyDeadlineSeconds'],
    [{ soakSeconds: -1 }, 'policy.soakSeconds'],
    [{ maxFailed: '-1' }, 'policy.maxFailed'],
    [{ maxFailed: null }, 'policy.maxFailed'],
    [{ maxUnhealthy: true }, 'policy.maxUnhealthy'],
    [{ onBreach: 'stop' }, 'policy.onBreach'],
  ])('%j', (policy, field) => {
    expect(() => parsePolicy(policy)).toThrowError(expect.objectContaining({ field }));
    expect(() => parsePolicy(policy)).toThrowError(InvalidPolicy);
  });
});

test.each([
  ['3', 200, 3],
  ['10%', 30, 3],
  ['2.5%', 1000, 25],
])('%s of %d is %d', (amount, total, expected) => {
  expect(amountOf(amount, total)).toBe(expected);
});
