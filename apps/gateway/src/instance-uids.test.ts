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
  expect(first.isNew).toBe(true);
  expect(uids.assign('a', 59_000)).toEqual({ uid: first.uid, isNew: false });
  expect(uids.assign('b', 59_000).uid).not.toEqual(first.uid);
  // A minute since it was asked for last.
  expect(uids.assign('a', 118_000).uid).toEqual(first.uid);
  expect(uids.assign('a', 179_000).uid).not.toEqual(first.uid);
});
