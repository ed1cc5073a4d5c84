import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { acceptsGzip, BadCompression, BodyTooLarge, Inflation, pack } from './gzip.ts';

it('packs bodies of every size so that anybody can unpack them', async () => {
  for (const size of [0, 1, 21, 511, 512, 100_000]) {
    const body = Buffer.alloc(size, 'muster');
    expect(gunzipSync(await pack(body))).toEqual(body);
  }
});

it('packs what the body was when it was handed over', async () => {
  const body = Buffer.alloc(10_000, 'a');
  const packing = pack(body);
  body.fill('b');
  expect(gunzipSync(await packing)).toEqual(Buffer.alloc(10_000, 'a'));
});

it('unpacks up to a limit', async () => {
  const packed = gzipSync(Buffer.alloc(1_000));
  expect(await new Inflation(1_000).unpack(packed)).toHaveLength(1_000);
  const tooSmall = new Inflation(999);
  await expect(tooSmall.unpack(packed)).rejects.toBeInstanceOf(BodyTooLarge);
  await expect(tooSmall.unpack(Buffer.from('no gzip'))).rejects.toBeInstanceOf(BadCompression);
  await expect(tooSmall.unpack(packed.subarray(0, 15))).rejects.toBeInstanceOf(BadCompression);
});

it('unpacks large bodies and small ones, many at a time', async () => {
  const inflation = new Inflation(8 * 1024 * 1024);
  const sizes = Array.from({ length: 60 }, (_, i) => (i % 10 === 0 ? 5_000_000 + i : i));
  const unpacked = await Promise.all(sizes.map((size) => inflation.unpack(gzipSync(Buffer.alloc(size)))));
  expect(unpacked.map(({ length }) => length)).toEqual(sizes);
});

it.each([
  ['', false],
  ['gzip', true],
  ['GZIP;q=0.5, br', true],
  ['gzip;q=0', false],
  ['*', true],
  ['*, gzip;q=0', false],
  ['identity', false],
])('reads Accept-Encoding "%s" as %s', (header, accepted) => {
  expect(acceptsGzip(header)).toBe(accepted);
});
