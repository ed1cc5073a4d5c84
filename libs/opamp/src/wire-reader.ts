import { MalformedMessage } from './errors.ts';

/** How a field is laid out: the low three bits of its tag. */
export const wireType = {
  varint: 0,
  fixed64: 1,
  lengthDelimited: 2,
  groupStart: 3,
  groupEnd: 4,
  fixed32: 5,
} as const;

/** Groups may nest this deep; no field of OpAMP is one, and the decoder goes down into each. */
const groupDepthLimit = 4;

/** Reads protobuf tags, numbers and lengths of one message; allocates nothing, throws `MalformedMessage`. */
export class WireReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  position: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.position = start;
    this.#end = end;
  }

  get done(): boolean {
    return this.position >= this.#end;
  }

  /** A varint of 1–10 bytes. The low 53 bits are exact, higher ones are dropped. */
  varint(): number {
    let value = 0;
    let unit = 1;
    for (let length = 1; length <= 10; length++) {
      if (this.position >= this.#end) throw new MalformedMessage('ends inside a number');
      const byte = this.#bytes[this.position++]!;
      // The eighth byte holds bits 49–55, of which four still fit.
      if (length <= 7) value += (byte & 0x7f) * unit;
      else if (length === 8) value += (byte & 0x0f) * unit;
      if (byte < 0x80) return value;
      unit *= 0x80;
    }
    throw new MalformedMessage('a number of more than 10 bytes');
  }

  /** A tag: field number × 8 + wire type. Of 5 bytes at most, as the decoder wants it. */
  tag(): number {
    const start = this.position;
    const tag = this.varint();
    if (tag < 8 || tag > 0xffffffff || this.position - start > 5)
      throw new MalformedMessage('an impossible field number');
    return tag;
  }

  /** Reads a length and steps over what it counts; `position` is then the end of it, the answer its start. */
  stepOver(): number {
    const before = this.position;
    const length = this.varint();
    const start = this.position;
    if (start - before > 5) throw new MalformedMessage('a length of more than 5 bytes');
    if (length > this.#end - start) throw new MalformedMessage('is cut short');
    this.position = start + length;
    return start;
  }

  /** Steps over the value of an unknown field. `field`: its number; only a group has to end with the same one. */
  skip(type: number, field: number | null = null): void {
    if (type === wireType.groupEnd) throw new MalformedMessage('a group ends that never began');
    if (type === wireType.groupStart) this.#skipGroup(field);
    else this.#skipValue(type);
  }

  #skipGroup(field: number | null): void {
    const open = [field];
    while (open.length > 0) {
      const tag = this.tag();
      const inside = Math.floor(tag / 8);
      const type = tag & 7;
      if (type === wireType.groupStart) {
        if (open.push(inside) > groupDepthLimit)
          throw new MalformedMessage(`has groups nested more than ${groupDepthLimit} deep`);
      } else if (type === wireType.groupEnd) {
        const began = open.pop();
        if (began !== null && began !== inside) throw new MalformedMessage('a group ends that never began');
      } else this.#skipValue(type);
    }
  }

  #skipValue(type: number): void {
    if (type === wireType.varint) this.varint();
    else if (type === wireType.lengthDelimited) this.stepOver();
    else if (type === wireType.fixed64) this.#stepOverBytes(8);
    else if (type === wireType.fixed32) this.#stepOverBytes(4);
    else throw new MalformedMessage(`wire type ${type} does not exist`);
  }

  #stepOverBytes(count: number): void {
    if (this.#end - this.position < count) throw new MalformedMessage('is cut short');
    this.position += count;
  }
}
