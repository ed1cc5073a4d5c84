import { expect, it } from 'vitest';
import { AssignedUids, newInstanceUid } from './instance-uids.ts';

it('makes UUIDv7 of the time', () => {
  const uid = newInstanceUid(1_790_000_000_123);
  expect([uid.length, uid.readUIntBE(0, 6), uid[6]! >> 4, uid[8]! >> 6]).toEqual([
    16, 1_790_000_000_123, 7, 2,
  ]);
});

it('gives the same asker the same uid for a minute, and others another', () => {
  const uids = new AssignedUids();
  const first = uids.assign('a', 0);
  expect(uids.assign('a', 59_000)).toBe(first);
  expect(uids.assign('b', 0)).not.toEqual(first);
  expect(uids.assign('a', 61_000)).not.toEqual(first);
});
