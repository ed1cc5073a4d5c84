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

/** What most bodies unpack to at most; larger ones are unpacked one after the other. */
const ordinaryBytes = 1024 * 1024;
const ordinaryAtOnce = 16;
/** Bytes unpacked in one step. */
const ordinaryStep = 16 * 1024;
const largeStep = 512 * 1024;

/**
 * Unpacks gzip, to `limit` bytes at most. However many bodies come at once, and whatever they unpack to,
 * only `ordinaryAtOnce` small ones and one large one are in the works: the others wait, still packed.
 */
export class Inflation {
  readonly #limit: number;
  readonly #ordinary = new Lane(ordinaryAtOnce);
  readonly #large = new Lane(1);

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Rejects with `BodyTooLarge` or `BadCompression`. */
  async unpack(body: Uint8Array): Promise<Buffer> {
    const first = Math.min(ordinaryBytes, this.#limit);
    try {
      return await this.#ordinary.run(() => unpack(body, first));
    } catch (error) {
      if (!(error instanceof BodyTooLarge) || first === this.#limit) throw error;
    }
    return this.#large.run(() => unpack(body, this.#limit, largeStep));
  }
}

/** Runs so many tasks at once; the others wait for their turn. */
class Lane {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}

async function unpack(body: Uint8Array, limit: number, chunkSize = ordinaryStep): Promise<Buffer> {
  try {
    return await inflate(body, { maxOutputLength: limit, chunkSize });
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
