import { expect, test } from 'vitest';
import { emptyPolicyForm, policyDefaults, toForm, toPolicy } from './policy.ts';

test('an empty form leaves everything to the defaults', () => {
  expect(toPolicy(emptyPolicyForm)).toEqual({});
});

test('numbers are sent as numbers, amounts as text, "none" as null', () => {
  const form = {
    ...emptyPolicyForm,
    waves: '1, 25%  100%',
    perSecond: 'none',
    soakSeconds: ' 0 ',
    maxFailed: '2%',
    maxUnhealthy: '1',
    jitterSeconds: 'automatic',
    onBreach: 'rollback',
  };
  expect(toPolicy(form)).toEqual({
    waves: ['1', '25%', '100%'],
    perSecond: null,
    soakSeconds: 0,
    maxFailed: '2%',
    maxUnhealthy: '1',
    jitterSeconds: null,
    onBreach: 'rollback',
  });
});

test('text that is no number goes to the server as it is, to be refused there', () => {
  expect(toPolicy({ ...emptyPolicyForm, soakSeconds: 'soon' })).toEqual({ soakSeconds: 'soon' });
});

test('a policy survives the form', () => {
  const policy = {
    waves: ['1', '100%'],
    perSecond: 5,
    jitterSeconds: null,
    maxUnhealthy: null,
    onBreach: 'pause',
    windows: [{ timezone: 'Europe/Berlin', days: ['sat'], start: '22:00', end: '06:00' }],
  };
  expect(toPolicy(toForm(policy))).toEqual(policy);
});

test("the fleet's policy comes before the server's defaults", () => {
  const defaults = policyDefaults({ soakSeconds: 300 });
  expect(defaults.soakSeconds).toBe('300');
  expect(defaults.waves).toBe('1, 10%, 50%, 100%');
});

test('"at any time" is not the same as the default', () => {
  expect(toPolicy({ ...emptyPolicyForm, windows: [] })).toEqual({ windows: [] });
  expect(policyDefaults({}).windows).toEqual([]);
  const windows = [{ timezone: 'UTC', days: ['sun'], start: '01:00', end: '02:00' }];
  expect(policyDefaults({ windows }).windows).toEqual(windows);
});
