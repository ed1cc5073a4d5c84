import { expect, test } from 'vitest';
import { seededRandom } from './random.ts';
import { ReconnectBackoff } from './reconnect-backoff.ts';

test('waits grow by half from half a second to a minute, within ±50 %', () => {
  const backoff = new ReconnectBackoff();
  const middle = Array.from({ length: 14 }, () => backoff.next(() => 0.5, 0));
  expect(middle.slice(0, 4)).toEqual([500, 750, 1_125, 1_687.5]);
  expect(middle.at(-1)).toBe(60_000);

  const random = seededRandom(3);
  const first = Array.from({ length: 200 }, () => new ReconnectBackoff().next(random, 0));
  expect(Math.min(...first)).toBeGreaterThanOrEqual(250);
  expect(Math.max(...first)).toBeLessThanOrEqual(750);
  expect(new Set(first).size).toBeGreaterThan(190);
});

test('Retry-After holds where it is longer, to the second', () => {
  const backoff = new ReconnectBackoff();
  expect(backoff.next(() => 0.9, 3_000)).toBe(3_000);
  expect(backoff.next(() => 0.5, 100)).toBe(750);
});
