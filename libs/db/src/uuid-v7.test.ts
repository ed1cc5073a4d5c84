import { expect, test } from 'vitest';
import { uuidV7 } from './uuid-v7.ts';

test('is a version 7 UUID that begins with its time', () => {
  const now = Date.now() + 1_000_000;
  const id = uuidV7(now);
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(now);
});

test('ids made one after the other sort in that order, also within one millisecond and when the clock goes back', () => {
  const now = Date.now() + 2_000_000;
  const ids = Array.from({ length: 10_000 }, (_, i) => uuidV7(i < 9_000 ? now : now - 5_000));
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});
