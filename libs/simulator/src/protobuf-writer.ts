const lengthDelimited = 2;
const fixed64 = 1;

/** Writes protobuf into one growing piece of memory that every message uses again. */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafe(4_096);
  #length = 0;

  /** A view of what was written since `clear`; the next message overwrites it. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): this {
    this.#length = 0;
    return this;
  }

  /** Left out when 0, as proto3 has it. Whole numbers up to 2^53. */
  number(field: number, value: number): this {
    if (value === 0) return this;
    this.#room(20);
    this.#varint(field * 8);
    this.#varint(value);
    return this;
  }

  flag(field: number, value: boolean): this {
    return this.number(field, value ? 1 : 0);
  }

  fixed64(field: number, value: bigint): this {
    this.#room(20);
    this.#varint(field * 8 + fixed64);
    this.#length = this.#bytes.writeBigUInt64LE(value, this.#length);
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#room(20 + value.length);
    this.#varint(field * 8 + lengthDelimited);
    this.#varint(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  text(field: number, value: string): this {
    if (value === '') return this;
    return this.bytes(field, Buffer.from(value));
  }

  /** A sub-message, also when it is empty. */
  message(field: number, write: (writer: this) => void): this {
    this.#room(20);
    this.#varint(field * 8 + lengthDelimited);
    const start = this.#length;
    write(this);
    const length = this.#length - start;
    // the length goes before what it counts: make room for it
    this.#room(10);
    const size = length < 0x80 ? 1 : Math.ceil(Math.log2(length + 1) / 7);
    this.#bytes.copyWithin(start + size, start, this.#length);
    this.#length = start;
    this.#varint(length);
    this.#length = start + size + length;
    return this;
  }

  /** Bytes as they are. */
  raw(value: Uint8Array): this {
    this.#room(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  #varint(value: number): void {
    while (value >= 0x80) {
      this.#bytes[this.#length++] = (value % 0x80) + 0x80;
      value = Math.floor(value / 0x80);
    }
    this.#bytes[this.#length++] = value;
  }

  #room(length: number): void {
    if (this.#length + length <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + length));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
