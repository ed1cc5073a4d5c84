import { MalformedMessage } from '@muster/opamp/errors';
import { decodeEffectiveConfig } from '@muster/opamp/effective-config';
import { EffectiveConfig } from '@muster/opamp/opamp';
import { WireReader, wireType } from '@muster/opamp/wire-reader';
import {
  findCredentials,
  isTokenAt,
  redact,
  redactMessage,
  type CredentialFinding,
} from './credential-shapes.ts';
import { unusedName } from './unused-name.ts';

/** Where a credential was in what an agent reported. Line and column count from 1, columns in characters. */
export interface ConfigFinding {
  file: string;
  line: number;
  column: number;
  /** As in `CredentialFinding`. */
  kind: string;
}

/** Findings that are kept of one content: a person who sees to so many finds the others. */
export const mostFindings = 1_000;

/** A content in which `[REDACTED:<kind>]` stands for each credential. */
export interface RedactedConfig {
  body: Uint8Array;
  /** The first of them. */
  findings: ConfigFinding[];
  /** How many more there were. */
  omitted: number;
}

/**
 * An EffectiveConfig with `[REDACTED:<kind>]` for each credential in its files and their names, all else as it
 * came; null: it holds none. One that is malformed is searched as it is.
 */
export function redactEffectiveConfig(body: Uint8Array): RedactedConfig | null {
  // Byte for byte: what matters is ASCII. Most configs are clean, and not decoded.
  const whole = bytewise.read(body);
  const found = findCredentials(whole);
  if (found.length === 0 && !mayHoldUtf16(whole) && !mayBeginWithToken(body, whole)) return null;
  try {
    return redactFiles(body);
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
    if (found.length === 0) return null;
    const places = new FindingPlaces();
    places.addAll('', whole, found, bytewise);
    return { body: bytewise.write(redact(whole, found)), ...places };
  }
}

/** There every other byte of ASCII is NUL; a single one is the length of an empty name. */
function mayHoldUtf16(whole: string): boolean {
  for (let at = whole.indexOf('\0'); at !== -1; at = whole.indexOf('\0', at + 1)) {
    if (whole.charCodeAt(at + 2) === 0 && whole.charCodeAt(at + 1) !== 0) return true;
  }
  return false;
}

const tags = { configMap: 0x0a, entry: 0x0a, name: 0x0a, file: 0x12, text: 0x0a };

/**
 * May a file's name or text be a token from its first character on? To a search of the whole its length belongs to
 * it. Reads what every encoder writes; of anything else the answer is yes.
 */
function mayBeginWithToken(body: Uint8Array, whole: string): boolean {
  const reader = new WireReader(body, 0, body.length);
  try {
    if (reader.done) return false;
    if (reader.tag() !== tags.configMap) return true;
    reader.varint();
    while (!reader.done) {
      if (reader.tag() !== tags.entry) return true;
      const end = reader.varint() + reader.position;
      if (reader.tag() !== tags.name || isTokenAt(whole, reader.stepOver())) return true;
      if (reader.tag() !== tags.file) return true;
      reader.varint();
      while (reader.position < end) {
        const tag = reader.tag();
        if ((tag & 7) !== wireType.lengthDelimited) return true;
        const start = reader.stepOver();
        if (tag === tags.text && isTokenAt(whole, start)) return true;
      }
    }
    return false;
  } catch (error) {
    if (error instanceof MalformedMessage) return true;
    throw error;
  }
}

function redactFiles(body: Uint8Array): RedactedConfig | null {
  const places = new FindingPlaces();
  const files = new Map<string, { body: Uint8Array; contentType: string }>();
  const copies = new Map<string, number>();
  for (const { name, body: file, contentType } of decodeEffectiveConfig(body)) {
    const inName = findCredentials(name);
    const clean = unusedName(redact(name, inName), files, copies);
    for (const { kind } of inName) places.add({ file: clean, line: 1, column: 1, kind });
    const encoding = encodingOf(file);
    const text = encoding.read(file);
    const found = findCredentials(text);
    places.addAll(clean, text, found, encoding);
    files.set(clean, {
      body: found.length === 0 ? file : encoding.write(redact(text, found)),
      contentType: redactMessage(contentType),
    });
  }
  const clean = EffectiveConfig.encode({ configMap: { configMap: Object.fromEntries(files) } }).finish();
  // What is in none of the files, and no search has seen, is not kept.
  return places.findings.length === 0 && Buffer.compare(clean, body) === 0
    ? null
    : { body: clean, ...places };
}

/** Where credentials were, as far as it is kept. */
class FindingPlaces {
  readonly findings: ConfigFinding[] = [];
  omitted = 0;

  add(finding: ConfigFinding): void {
    if (this.findings.length < mostFindings) this.findings.push(finding);
    else this.omitted++;
  }

  /** `found`: in the order of the text. */
  addAll(file: string, text: string, found: readonly CredentialFinding[], { characters }: Encoding): void {
    let line = 1;
    let column = 1;
    let at = 0;
    for (const { kind, start } of found) {
      if (this.findings.length === mostFindings) {
        this.omitted++;
        continue;
      }
      for (let end = text.indexOf('\n', at); end !== -1 && end < start; end = text.indexOf('\n', at)) {
        line++;
        column = 1;
        at = end + 1;
      }
      column += characters(text, at, start);
      at = start;
      this.findings.push({ file, line, column, kind });
    }
  }
}

/** How a file's bytes are searched as text, and written again. */
interface Encoding {
  read(bytes: Uint8Array): string;
  write(text: string): Uint8Array;
  /** How many characters people see in a part of a text that was read. */
  characters(text: string, start: number, end: number): number;
}

/** UTF-8 and what else keeps ASCII. */
const bytewise: Encoding = {
  read: (bytes) => bufferOf(bytes).toString('latin1'),
  write: (text) => Buffer.from(text, 'latin1'),
  characters: charactersOfUtf8,
};
const utf16: Encoding = {
  read: (bytes) => bufferOf(bytes).toString('utf16le'),
  write: (text) => Buffer.from(text, 'utf16le'),
  characters: (_text, start, end) => end - start,
};
const utf16BigEndian: Encoding = {
  read: (bytes) => swapped(bytes).toString('utf16le'),
  write: (text) => Buffer.from(text, 'utf16le').swap16(),
  characters: utf16.characters,
};

/** In UTF-16, as everywhere; bytes that go on with a character count for none. */
function charactersOfUtf8(text: string, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; at++) {
    const byte = text.charCodeAt(at);
    if ((byte & 0xc0) !== 0x80) count += byte >= 0xf0 ? 2 : 1;
  }
  return count;
}

/** By its byte order mark, or as YAML 1.2 (5.2) says by where the NUL of a first ASCII character is. */
function encodingOf(bytes: Uint8Array): Encoding {
  const [first, second] = bytes;
  if (first === undefined || second === undefined || bytes.length % 2 === 1) return bytewise;
  if ((first === 0xff && second === 0xfe) || (first !== 0 && second === 0)) return utf16;
  if ((first === 0xfe && second === 0xff) || (first === 0 && second !== 0)) return utf16BigEndian;
  return bytewise;
}

function swapped(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes).swap16();
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
