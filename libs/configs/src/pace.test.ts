import { expect, test } from 'vitest';
import { Pace } from './pace.ts';

test('one second’s worth at once, then no faster than the rate', () => {
  const pace = new Pace(20, 0);
  expect(pace.take(100, 20, 0)).toBe(20);
  expect(pace.take(100, 20, 0)).toBe(0);
  expect(pace.take(100, 20, 100)).toBe(2);
  expect(pace.take(100, 20, 125)).toBe(0);
  expect(pace.take(100, 20, 150)).toBe(1);
  expect(pace.take(100, 20, 60_000)).toBe(20);
});

test('takes no more than is wanted and keeps the rest', () => {
  const pace = new Pace(10, 0);
  expect(pace.take(3, 10, 0)).toBe(3);
  expect(pace.take(100, 10, 0)).toBe(7);
});

test('a clock that goes back gives nothing and breaks nothing', () => {
  const pace = new Pace(10, 10_000);
  pace.take(10, 10, 10_000);
  expect(pace.take(1, 10, 5_000)).toBe(0);
  expect(pace.take(1, 10, 5_100)).toBe(1);
});

test('what is given back may be taken again', () => {
  const pace = new Pace(10, 0);
  pace.take(10, 10, 0);
  pace.giveBack(4);
  expect(pace.take(100, 10, 0)).toBe(4);
});
