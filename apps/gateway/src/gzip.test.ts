import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { acceptsGzip, BadCompression, BodyTooLarge, pack, unpack } from './gzip.ts';

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
  expect(await unpack(packed, 1_000)).toHaveLength(1_000);
  await expect(unpack(packed, 999)).rejects.toBeInstanceOf(BodyTooLarge);
  await expect(unpack(Buffer.from('no gzip'), 999)).rejects.toBeInstanceOf(BadCompression);
  await expect(unpack(packed.subarray(0, 15), 999)).rejects.toBeInstanceOf(BadCompression);
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
