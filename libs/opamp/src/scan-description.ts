import { MalformedMessage } from './errors.ts';
import { WireReader, wireType } from './wire-reader.ts';

const tags = { key: 0x0a, value: 0x12, stringValue: 0x0a };
/** Not printable ASCII, or something that JSON escapes. */
const isUnusual = /[^ !#-[\]-~]/;

/**
 * The attributes of an AgentDescription whose values are all plain texts, identifying ones last, when it holds
 * nothing else and each key once. Plain is printable ASCII that JSON need not escape. Null when they are not
 * plain, or when the bytes are unusual in any other way: that takes `decodeAgentDescription`, which reads
 * everything at several times the cost.
 */
export function scanTextAttributes(description: Uint8Array): Map<string, string> | null {
  try {
    return new DescriptionScan(description).attributes();
  } catch (error) {
    if (error instanceof MalformedMessage) return null;
    throw error;
  }
}

class DescriptionScan {
  readonly #bytes: Buffer;
  /** One text of everything, a character for each byte: attributes are cut out of it. */
  readonly #text: string;
  readonly #found = new Map<string, string>();

  constructor(description: Uint8Array) {
    this.#bytes = Buffer.from(description.buffer, description.byteOffset, description.length);
    this.#text = this.#bytes.toString('latin1');
  }

  attributes(): Map<string, string> | null {
    const identifying: number[] = [];
    const reader = new WireReader(this.#bytes, 0, this.#bytes.length);
    while (!reader.done) {
      const tag = reader.tag();
      if ((tag & 7) !== wireType.lengthDelimited) return null;
      const start = reader.stepOver();
      if (tag >> 3 === 1) identifying.push(start, reader.position);
      else if (tag >> 3 !== 2 || !this.#take(start, reader.position)) return null;
    }
    for (let i = 0; i < identifying.length; i += 2) {
      if (!this.#take(identifying[i]!, identifying[i + 1]!)) return null;
    }
    return this.#found;
  }

  /** Takes a KeyValue as every encoder writes it: key, then an AnyValue of one string_value. False: it is another. */
  #take(start: number, end: number): boolean {
    const reader = new WireReader(this.#bytes, start, end);
    const key = this.#next(reader, tags.key);
    if (key === null || reader.done || reader.tag() !== tags.value) return false;
    const value = new WireReader(this.#bytes, reader.stepOver(), end);
    const text = reader.done ? this.#next(value, tags.stringValue) : null;
    if (text === null || !value.done || this.#found.has(key)) return false;
    this.#found.set(key, text);
    return true;
  }

  #next(reader: WireReader, tag: number): string | null {
    if (reader.done || reader.tag() !== tag) return null;
    const text = this.#text.slice(reader.stepOver(), reader.position);
    return isUnusual.test(text) ? null : text;
  }
}
