import { hash } from 'node:crypto';
import { expect, test } from 'vitest';
import { RepeatedHashes } from './repeated-hashes.ts';

const body = (seed: number, length: number) =>
  Buffer.from(Array.from({ length }, (_, i) => (i * seed) % 251));

test('says the hash of whatever comes, however often and in whatever order', () => {
  const hashes = new RepeatedHashes('sha256', 32);
  const bodies = [8, 2000, 2000, 3000, 3000, 300_000].map((length, i) => body(i + 1, length));
  for (let round = 0; round < 5; round++) {
    for (const one of bodies) {
      // In memory that is written over afterwards, as the gateway's is.
      const lent = Buffer.from(one);
      expect(hashes.of(lent)).toEqual(hash('sha256', one, 'buffer'));
      lent.fill(0);
    }
  }
});

test('cuts the hash to the bytes that are asked for', () => {
  const hashes = new RepeatedHashes('sha1', 8);
  for (let round = 0; round < 4; round++) {
    expect(hashes.of(body(3, 5000))).toEqual(hash('sha1', body(3, 5000), 'buffer').subarray(0, 8));
  }
});
