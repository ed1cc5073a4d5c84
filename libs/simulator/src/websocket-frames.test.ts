import { expect, test } from 'vitest';
import { seededRandom } from './random.ts';
import { FrameReader, maskedFrames, opcode } from './websocket-frames.ts';

const random = seededRandom(1);

/** Frames as a server reads them: [first byte, payload]. */
function unmask(bytes: Buffer): [number, Buffer][] {
  const frames: [number, Buffer][] = [];
  for (let at = 0; at < bytes.length;) {
    const short = bytes[at + 1]! & 0x7f;
    const length = short === 126 ? bytes.readUInt16BE(at + 2) : short;
    const keyAt = at + (short === 126 ? 4 : 2);
    const body = Buffer.from(bytes.subarray(keyAt + 4, keyAt + 4 + length));
    body.forEach((byte, i) => (body[i] = byte ^ bytes[keyAt + (i % 4)]!));
    frames.push([bytes[at]!, body]);
    at = keyAt + 4 + length;
  }
  return frames;
}

test('a message beyond 4 KiB travels in masked fragments', () => {
  const message = Buffer.alloc(9_000, 'message ');
  const frames = unmask(maskedFrames(opcode.binary, 0, message, random));

  expect(frames.map(([first, body]) => [first, body.length])).toEqual([
    [0x02, 4_096],
    [0x00, 4_096],
    [0x80, 809],
  ]);
  expect(Buffer.concat(frames.map(([, body]) => body))).toEqual(Buffer.concat([Buffer.of(0), message]));
});

test('a small one is one frame, an empty one too', () => {
  expect(unmask(maskedFrames(opcode.binary, 0, Buffer.from('abc'), random))).toEqual([
    [0x82, Buffer.from('\0abc')],
  ]);
  expect(unmask(maskedFrames(opcode.pong, null, Buffer.alloc(0), random))).toEqual([[0x8a, Buffer.alloc(0)]]);
});

test('reads frames of any size from chunks of any size', () => {
  const payloads = [Buffer.alloc(0), Buffer.from('a'), Buffer.alloc(126, 'b'), Buffer.alloc(70_000, 'c')];
  const stream = Buffer.concat([
    ...payloads.map((payload) => Buffer.concat([header(0x82, payload.length), payload])),
    header(0x02, 3),
    Buffer.from('in '),
    header(0x89, 1),
    Buffer.from('?'),
    header(0x80, 6),
    Buffer.from('pieces'),
    header(0x88, 2),
    Buffer.of(3, 244),
  ]);
  for (const size of [1, 2, 7, 1_000, 65_536, stream.length]) {
    const got: string[] = [];
    const reader = new FrameReader({
      message: (bytes) => got.push(bytes.toString()),
      ping: (payload) => got.push(`ping ${payload}`),
      closing: (code) => got.push(`close ${code}`),
    });
    const shared = Buffer.alloc(size);
    for (let at = 0; at < stream.length; at += size) {
      const length = stream.copy(shared, 0, at, at + size);
      reader.push(shared.subarray(0, length));
      shared.fill(0xff); // whoever keeps a view of it is wrong
    }
    expect(got).toEqual([...payloads.map(String), 'ping ?', 'in pieces', 'close 1012']);
  }
});

test('a masked frame, or a fragment of nothing, is an error', () => {
  const reader = new FrameReader({ message() {}, ping() {}, closing() {} });
  expect(() => reader.push(Buffer.of(0x82, 0x80, 0, 0, 0, 0))).toThrow('masked');
  expect(() => reader.push(Buffer.of(0x80, 0))).toThrow('fragment');
});

function header(first: number, length: number): Buffer {
  if (length < 126) return Buffer.of(first, length);
  const long = Buffer.alloc(length < 65_536 ? 4 : 10);
  long[0] = first;
  long[1] = length < 65_536 ? 126 : 127;
  if (length < 65_536) long.writeUInt16BE(length, 2);
  else long.writeBigUInt64BE(BigInt(length), 2);
  return long;
}
