import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { throttle } from './throttle.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('the first call runs at once, a burst ends in one more run', () => {
  let runs = 0;
  const { call } = throttle(() => runs++, 1_000);
  call();
  expect(runs).toBe(1);
  for (let i = 0; i < 100; i++) call();
  vi.advanceTimersByTime(999);
  expect(runs).toBe(1);
  vi.advanceTimersByTime(1);
  expect(runs).toBe(2);
  vi.advanceTimersByTime(10_000);
  expect(runs).toBe(2);
});

test('a call after a quiet time runs at once again', () => {
  let runs = 0;
  const { call } = throttle(() => runs++, 1_000);
  call();
  vi.advanceTimersByTime(1_000);
  call();
  expect(runs).toBe(2);
});

test('stop drops the run that waits', () => {
  let runs = 0;
  const { call, stop } = throttle(() => runs++, 1_000);
  call();
  call();
  stop();
  vi.advanceTimersByTime(5_000);
  expect(runs).toBe(1);
});
