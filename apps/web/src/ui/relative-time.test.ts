import { expect, test } from 'vitest';
import { relativeTime } from './relative-time.ts';

const now = Date.UTC(2026, 0, 10, 12);
const second = 1_000;
const hour = 3_600 * second;

test.each([
  [0, 'now'],
  [-4 * second, 'now'],
  [-5 * second, '5 s ago'],
  [-59 * second, '59 s ago'],
  [-60 * second, '1 min ago'],
  [-59.9 * 60 * second, '59 min ago'],
  [-hour, '1 h ago'],
  [-47 * hour, '1 d ago'],
  [2 * second, 'now'],
  [30 * second, 'in 30 s'],
  [72 * hour, 'in 3 d'],
])('%i ms from now reads "%s"', (offset, text) => {
  expect(relativeTime(now + offset, now)).toBe(text);
});
