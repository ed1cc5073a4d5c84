import { crc32, gunzip, gzip } from 'node:zlib';
import { promisify } from 'node:util';

/** A body that inflates to more than is taken. */
export class BodyTooLarge extends Error {
  readonly code = 'body-too-large';
  readonly retryable = false;
}

/** A body that is not gzip, though it says so. */
export class BadCompression extends Error {
  readonly code = 'bad-compression';
  readonly retryable = false;
}

const inflate = promisify(gunzip);
const deflate = promisify<Uint8Array, Buffer>(gzip);

/** Unpacks gzip, to `limit` bytes at most. Rejects with `BodyTooLarge` or `BadCompression`. */
export async function unpack(body: Uint8Array, limit: number): Promise<Buffer> {
  try {
    return await inflate(body, { maxOutputLength: limit });
  } catch (error) {
    const isTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw isTooLarge ? new BodyTooLarge('the body is too large') : new BadCompression('the body is not gzip');
  }
}

/** Below this size compressing costs more than it saves. */
const worthCompressing = 512;

/** Packs as gzip, in memory of its own. Small bodies are only wrapped, at once; others take a while. */
export function pack(body: Uint8Array): Buffer | Promise<Buffer> {
  return body.length < worthCompressing ? wrap(body) : deflate(Uint8Array.from(body));
}

/** A gzip member whose only block is stored as it is (RFC 1951, 3.2.4; RFC 1952, 2.3). */
function wrap(body: Uint8Array): Buffer {
  const packed = Buffer.alloc(10 + 5 + body.length + 8);
  packed.set([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1]);
  packed.writeUInt16LE(body.length, 11);
  packed.writeUInt16LE(~body.length & 0xffff, 13);
  packed.set(body, 15);
  packed.writeUInt32LE(crc32(body), 15 + body.length);
  packed.writeUInt32LE(body.length, 19 + body.length);
  return packed;
}

/** Does an Accept-Encoding header take gzip (RFC 9110, 12.5.3)? */
export function acceptsGzip(acceptEncoding: string): boolean {
  let byName: boolean | null = null;
  let byWildcard = false;
  for (const item of acceptEncoding.toLowerCase().split(',')) {
    const [coding, ...parameters] = item.split(';').map((part) => part.trim());
    const quality = parameters.find((parameter) => parameter.startsWith('q='));
    const isAccepted = quality === undefined || Number(quality.slice(2)) > 0;
    if (coding === 'gzip' || coding === 'x-gzip') byName = isAccepted;
    else if (coding === '*') byWildcard = isAccepted;
  }
  return byName ?? byWildcard;
}
