import { expect, it } from 'vitest';
import { Admission } from './admission.ts';

it('lets in what it should each second, and no more', () => {
  let now = 0;
  const admission = new Admission({ perSecond: 10, minRetryAfter: 30, now: () => now, random: () => 0 });
  const admitted = () =>
    Array.from({ length: 20 }, () => admission.admit()).filter((answer) => answer === null).length;
  expect(admitted()).toBe(10);
  now += 500;
  expect(admitted()).toBe(5);
  now += 60_000;
  expect(admitted()).toBe(10);
});

it('spreads those it turns away over the time it takes to let them in', () => {
  let now = 0;
  let draw = 0;
  const random = () => (draw += 0.618034) % 1;
  const admission = new Admission({ perSecond: 10, minRetryAfter: 30, now: () => now, random });
  const answers = Array.from({ length: 1_010 }, () => admission.admit()).filter((answer) => answer !== null);
  expect(answers).toHaveLength(1_000);
  expect(Math.min(...answers)).toBeGreaterThanOrEqual(30);
  expect(Math.max(...answers)).toBeGreaterThan(100);
  expect(Math.max(...answers)).toBeLessThanOrEqual(131);
  now += 200_000;
  expect(admission.turnAway()).toBeLessThanOrEqual(32);
});
