import { describe, expect, it } from 'vitest';
import { SessionRecord } from './session-record.ts';

const uid = Buffer.alloc(16, 7);
const hash = (fill: number) => Buffer.alloc(32, fill);
const fingerprint = (fill: number) => Buffer.alloc(8, fill);

describe('SessionRecord', () => {
  it('goes to the next gateway in at most 128 bytes', () => {
    const record = new SessionRecord(uid);
    record.setFingerprint(0, fingerprint(1));
    record.setFingerprint(7, fingerprint(2));
    record.statusKnown = true;
    record.setReported(hash(3));
    record.setOffered(hash(4));
    record.addFailed(hash(5));
    expect(record.bytes.length).toBeLessThanOrEqual(128);
    const next = new SessionRecord(uid);
    next.load(record.bytes);
    expect(next.hasFingerprint(0, fingerprint(1)) && next.hasFingerprint(7, fingerprint(2))).toBe(true);
    expect([next.statusKnown, next.fullStateOwed]).toEqual([true, false]);
    expect([next.hasReported(hash(3)), next.wasOffered(hash(4)), next.hasFailed(hash(5))]).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('knows nothing at first, nor from a record it does not understand', () => {
    for (const left of [null, new Uint8Array(3), new Uint8Array(128).fill(9)]) {
      const record = new SessionRecord(uid);
      record.load(left);
      expect(record.hasFingerprint(0, fingerprint(0))).toBe(false);
      expect([
        record.hasReported(hash(1)),
        record.wasOffered(hash(1)),
        record.hasFailed(hash(1)),
      ]).not.toContain(true);
    }
  });

  it('forgets fingerprints one by one and together', () => {
    const record = new SessionRecord(uid);
    for (const slot of [1, 2, 3]) record.setFingerprint(slot, fingerprint(slot));
    record.forgetFingerprint(2);
    expect([1, 2, 3].map((slot) => record.hasFingerprint(slot, fingerprint(slot)))).toEqual([
      true,
      false,
      true,
    ]);
    record.forgetFingerprints();
    expect(record.hasFingerprint(1, fingerprint(1))).toBe(false);
  });

  it('remembers the last three failures', () => {
    const record = new SessionRecord(uid);
    for (const fill of [1, 2, 2, 3, 4]) record.addFailed(hash(fill));
    expect([1, 2, 3, 4].map((fill) => record.hasFailed(hash(fill)))).toEqual([false, true, true, true]);
  });

  it('forgets what was said of one configuration, and of no other', () => {
    const record = new SessionRecord(uid);
    for (const fill of [1, 2]) record.addFailed(hash(fill));
    record.setReported(hash(1));
    record.forgetSaid(hash(1));
    expect([1, 2].map((fill) => record.hasFailed(hash(fill)))).toEqual([false, true]);
    expect(record.hasReported(hash(1))).toBe(false);
    record.setReported(hash(2));
    record.forgetSaid(hash(3));
    expect(record.hasReported(hash(2))).toBe(true);
  });

  it('tells a new status from the old', () => {
    const record = new SessionRecord(uid);
    record.setReported(hash(1));
    record.setReported(new Uint8Array(0));
    expect(record.hasReported(hash(1))).toBe(false);
    record.setOffered(hash(2));
    record.forgetOffered();
    expect(record.wasOffered(hash(2))).toBe(false);
  });

  it('keeps what it knows after its memory went to another agent', () => {
    const record = new SessionRecord(uid);
    record.setReported(hash(1));
    record.release();
    record.release();
    const others = [8, 9].map((fill) => new SessionRecord(Buffer.alloc(16, fill)));
    for (const other of others) other.setReported(hash(2));
    record.setFingerprint(0, fingerprint(3));
    expect([record.isOf(uid), record.uid, record.hasReported(hash(1))]).toEqual([true, uid, true]);
    expect(others.map((other) => [other.isOf(uid), other.uid[0], other.hasReported(hash(2))])).toEqual([
      [false, 8, true],
      [false, 9, true],
    ]);
    expect(others.some((other) => other.hasFingerprint(0, fingerprint(3)))).toBe(false);
  });
});
