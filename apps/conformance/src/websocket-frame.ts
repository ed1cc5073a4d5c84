import { randomBytes } from 'node:crypto';

/** RFC 6455, 11.8. */
export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface Frame {
  opcode: number;
  final: boolean;
  /** Compressed by permessage-deflate. */
  rsv1: boolean;
  payload: Buffer;
}

export interface FrameOptions {
  /** Binary when left out. */
  opcode?: number;
  /** True when left out. */
  final?: boolean;
  rsv1?: boolean;
  /** Clients must mask; true when left out. */
  masked?: boolean;
}

/** Payloads above this are masked with a key of zeros, which changes nothing and costs nothing. */
const maskedForReal = 1 << 20;

/** One frame as a client sends it (RFC 6455, 5.2). */
export function writeFrame(payload: Uint8Array, options: FrameOptions = {}): Buffer {
  const { opcode: code = opcode.binary, final = true, rsv1 = false, masked = true } = options;
  const first = (final ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | code;
  const head = Buffer.concat([Buffer.of(first), lengthOf(payload.length, masked)]);
  if (!masked) return Buffer.concat([head, payload]);
  if (payload.length > maskedForReal) return Buffer.concat([head, Buffer.alloc(4), payload]);
  const key = randomBytes(4);
  const scrambled = Buffer.from(payload);
  for (let at = 0; at < scrambled.length; at++) scrambled[at] = scrambled[at]! ^ key[at & 3]!;
  return Buffer.concat([head, key, scrambled]);
}

function lengthOf(length: number, masked: boolean): Buffer {
  const bit = masked ? 0x80 : 0;
  if (length < 126) return Buffer.of(bit | length);
  if (length < 65_536) {
    const short = Buffer.of(bit | 126, 0, 0);
    short.writeUInt16BE(length, 1);
    return short;
  }
  const long = Buffer.alloc(9);
  long[0] = bit | 127;
  long.writeBigUInt64BE(BigInt(length), 1);
  return long;
}

/** Cuts what a server sends into frames; keeps what is not complete yet. Servers do not mask. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  read(bytes: Buffer): Frame[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const frames: Frame[] = [];
    for (let frame = this.#next(); frame !== null; frame = this.#next()) frames.push(frame);
    return frames;
  }

  #next(): Frame | null {
    const bytes = this.#rest;
    if (bytes.length < 2) return null;
    const short = bytes[1]! & 0x7f;
    const start = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (bytes.length < start) return null;
    const length =
      short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
    if (bytes.length < start + length) return null;
    this.#rest = bytes.subarray(start + length);
    return {
      opcode: bytes[0]! & 0x0f,
      final: (bytes[0]! & 0x80) !== 0,
      rsv1: (bytes[0]! & 0x40) !== 0,
      payload: bytes.subarray(start, start + length),
    };
  }
}
