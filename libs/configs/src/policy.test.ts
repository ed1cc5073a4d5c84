import { describe, expect, test } from 'vitest';
import { InvalidPolicy } from './errors.ts';
import { amountOf } from './policy-members.ts';
import { defaultPolicy, parsePolicy } from './policy.ts';

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

const night = { timezone: 'Europe/Berlin', days: ['sat', 'fri'], start: '22:00', end: '06:00' };

test('windows keep their order, days that of the week', () => {
  const { windows } = parsePolicy({ windows: [night, { ...night, timezone: 'UTC' }] });
  expect(windows).toEqual([
    { ...night, days: ['fri', 'sat'] },
    { ...night, days: ['fri', 'sat'], timezone: 'UTC' },
  ]);
});

describe('names the member that is wrong', () => {
  test.each([
    [null, 'policy'],
    [[], 'policy'],
    [{ hours: [] }, 'policy.hours'],
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
    [{ jitterSeconds: -1 }, 'policy.jitterSeconds'],
    [{ maxNotConverged: '2.5' }, 'policy.maxNotConverged'],
    [{ breachScope: 'wave' }, 'policy.breachScope'],
    [{ quarantine: null }, 'policy.quarantine'],
    [{ windows: {} }, 'policy.windows'],
    [{ windows: [null] }, 'policy.windows[0]'],
    [{ windows: [night, { ...night, timezone: 'Berlin' }] }, 'policy.windows[1].timezone'],
    [{ windows: [{ ...night, days: [] }] }, 'policy.windows[0].days'],
    [{ windows: [{ ...night, days: ['Sat'] }] }, 'policy.windows[0].days'],
    [{ windows: [{ ...night, start: '24:00' }] }, 'policy.windows[0].start'],
    [{ windows: [{ ...night, end: undefined }] }, 'policy.windows[0].end'],
    [{ windows: [{ ...night, until: '' }] }, 'policy.windows[0].until'],
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
