import { backslashesBefore, closingQuote } from './scalar-ranges.ts';

/** A double-quoted scalar with escapes, and what it says. */
export interface EscapedScalar {
  /** Of its content in the text; the quotes are around it. */
  readonly start: number;
  readonly end: number;
  readonly value: string;
  /** Where in the text this character of the value comes from; also of its end. */
  sourceOf(offset: number): number;
}

/** All of a text that holds backslashes. */
export function* escapedScalars(text: string): Generator<EscapedScalar> {
  let from = 0;
  for (let at = text.indexOf('\\'); at !== -1; at = text.indexOf('\\', from)) {
    const open = quoteBefore(text, at, from);
    from = at + 1;
    if (open === -1) continue;
    const end = closingQuote(text, '"', at) ?? text.length;
    yield unescape(text, open + 1, end);
    from = end + 1;
  }
}

function quoteBefore(text: string, at: number, from: number): number {
  const before = text.slice(from, at);
  const found = before.lastIndexOf('"');
  return found === -1 || backslashesBefore(before, found) % 2 === 1 ? -1 : from + found;
}

const letters: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', 0: '\0' };

function unescape(text: string, start: number, end: number): EscapedScalar {
  const pattern = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|\r?\n[ \t]*|([^]))/g;
  const shifts: { value: number; source: number }[] = [];
  const source = text.slice(start, end);
  let value = '';
  let from = 0;
  for (const match of source.matchAll(pattern)) {
    const [whole, x, u, long, letter] = match;
    value += source.slice(from, match.index);
    const code = x ?? u ?? long;
    if (code !== undefined) value += fromCode(parseInt(code, 16));
    else if (letter !== undefined) value += letters[letter] ?? letter;
    from = match.index + whole.length;
    shifts.push({ value: value.length, source: start + from });
  }
  value += source.slice(from);
  return { start, end, value, sourceOf: (offset) => sourceOf(offset, shifts, start) };
}

function fromCode(code: number): string {
  return code > 0x10ffff ? '\ufffd' : String.fromCodePoint(code);
}

function sourceOf(
  offset: number,
  shifts: readonly { value: number; source: number }[],
  start: number,
): number {
  let low = 0;
  let high = shifts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (shifts[middle]!.value <= offset) low = middle + 1;
    else high = middle;
  }
  const last = shifts[low - 1] ?? { value: 0, source: start };
  return last.source + offset - last.value;
}
