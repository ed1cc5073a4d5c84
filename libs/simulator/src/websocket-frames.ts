import type { Random } from './random.ts';

/** Payload of one frame at most: the reference client writes through a buffer of this size. */
const fragmentBytes = 4_096;
const largestHeader = 14;

export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const finalBit = 0x80;
const maskBit = 0x80;

/**
 * A client's frames for one message, masked, in memory of their own: the system may still be sending them when
 * this returns. Messages beyond 4 KiB travel in fragments. `random` draws the masking keys, which are
 * there against confused proxies, not for secrecy (RFC 6455, section 10.3).
 */
export function maskedFrames(
  kind: number,
  prefix: number | null,
  message: Uint8Array,
  random: Random,
): Buffer {
  const offset = prefix === null ? 0 : 1;
  const total = message.length + offset;
  const count = Math.max(1, Math.ceil(total / fragmentBytes));
  const frames = Buffer.allocUnsafe(total + count * largestHeader);
  let at = 0;
  for (let sent = 0, index = 0; index < count; index++) {
    const length = Math.min(fragmentBytes, total - sent);
    frames[at++] = (index === 0 ? kind : opcode.continuation) | (index === count - 1 ? finalBit : 0);
    at = writeLength(frames, at, length);
    const key = (random() * 2 ** 32) >>> 0;
    frames.writeUInt32BE(key, at);
    const keyAt = at;
    at += 4;
    for (let i = 0; i < length; i++) {
      const place = sent + i - offset;
      frames[at + i] = (place < 0 ? prefix! : message[place]!) ^ frames[keyAt + (i & 3)]!;
    }
    at += length;
    sent += length;
  }
  return frames.subarray(0, at);
}

function writeLength(frames: Buffer, at: number, length: number): number {
  if (length < 126) {
    frames[at] = maskBit | length;
    return at + 1;
  }
  frames[at] = maskBit | 126;
  return frames.writeUInt16BE(length, at + 1);
}

export interface FrameListener {
  /** A whole message. The bytes are used again after the call. */
  message(bytes: Buffer): void;
  ping(payload: Buffer): void;
  /** The server closes; `code` is 1005 when it gave none. */
  closing(code: number): void;
}

/** Reads a server's frames from chunks of any size. */
export class FrameReader {
  readonly #listener: FrameListener;
  /** The beginning of a frame that has not come whole, with room for more. */
  #kept: Buffer | null = null;
  #keptLength = 0;
  /** Frames before the last of a fragmented message. */
  #fragments: Buffer[] | null = null;

  constructor(listener: FrameListener) {
    this.#listener = listener;
  }

  /** Throws when the server breaks the protocol. `chunk` may be used again after the call. */
  push(chunk: Buffer): void {
    const bytes = this.#kept === null ? chunk : this.#append(chunk);
    let at = 0;
    for (;;) {
      const frame = frameAt(bytes, at);
      if (frame === null || frame.end > bytes.length) return this.#keep(bytes, at, frame?.end ?? at);
      this.#take(bytes[at]!, bytes.subarray(frame.bodyAt, frame.end));
      at = frame.end;
    }
  }

  #append(chunk: Buffer): Buffer {
    const length = this.#keptLength + chunk.length;
    let kept = this.#kept!;
    if (kept.length < length) {
      kept = Buffer.allocUnsafeSlow(length * 2);
      this.#kept!.copy(kept, 0, 0, this.#keptLength);
    }
    chunk.copy(kept, this.#keptLength);
    this.#kept = kept;
    this.#keptLength = length;
    return kept.subarray(0, length);
  }

  /** Keeps what follows `at`, with room up to `end` where the frame ends. */
  #keep(bytes: Buffer, at: number, end: number): void {
    this.#keptLength = bytes.length - at;
    if (this.#keptLength === 0) this.#kept = null;
    else if (this.#kept === null) {
      this.#kept = Buffer.allocUnsafeSlow(Math.max(end - at, this.#keptLength));
      bytes.copy(this.#kept, 0, at, bytes.length);
    } else if (at > 0) bytes.copyWithin(0, at, bytes.length);
  }

  #take(first: number, body: Buffer): void {
    const kind = first & 0x0f;
    if (kind === opcode.ping) this.#listener.ping(body);
    else if (kind === opcode.close) this.#listener.closing(body.length >= 2 ? body.readUInt16BE(0) : 1005);
    else if (kind === opcode.binary || kind === opcode.continuation) this.#data(first, kind, body);
    else if (kind !== opcode.pong) throw new Error(`frame of kind ${kind}`);
  }

  #data(first: number, kind: number, body: Buffer): void {
    const isLast = (first & finalBit) !== 0;
    if (kind === opcode.binary && isLast) return this.#listener.message(body);
    if (kind === opcode.binary) this.#fragments = [];
    if (this.#fragments === null) throw new Error('a fragment of nothing');
    this.#fragments.push(Buffer.from(body));
    if (!isLast) return;
    const whole = Buffer.concat(this.#fragments);
    this.#fragments = null;
    this.#listener.message(whole);
  }
}

/** Where the frame at `at` has its body and its end, or null when its header has not come whole. */
function frameAt(bytes: Buffer, at: number): { bodyAt: number; end: number } | null {
  if (bytes.length - at < 2) return null;
  const length = bytes[at + 1]!;
  if (length & maskBit) throw new Error('a masked frame from the server');
  if (length < 126) return { bodyAt: at + 2, end: at + 2 + length };
  const size = length === 126 ? 2 : 8;
  if (bytes.length - at < 2 + size) return null;
  const bodyAt = at + 2 + size;
  const long = size === 2 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
  return { bodyAt, end: bodyAt + long };
}
