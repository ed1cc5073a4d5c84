/** A part of a text: from `start` up to `end`. */
export interface Range {
  start: number;
  end: number;
}

/** No template puts more into one value. */
const longestOutput = 1024;
/** A reference and a template's output within `{}` and `[]`, which may hold what would end a scalar. */
const longestReference = 256;
const longestOutputInFlow = 128;
/** A value has a tag and an anchor; what has more is no YAML. */
const mostProperties = 2;

const nothing: Range = { start: 0, end: -1 };

const keyOfItem = /[\w.-]{1,128}:(?:\s|$)/y;
const keyOfLine = /["']?[\w./-]{1,128}["']? {0,64}:(?:\s|$)/y;

/**
 * The scalars of a text, which need not be YAML. What was found out of a line is kept while it is asked about, so
 * that all keys of a text cost time linear in its length, however they are arranged.
 */
export class ScalarRanges {
  readonly #text: string;
  /** The line that was asked for last, up to its line break. */
  #line: Range = nothing;
  /** Where the line that begins at `start` has its first character that is no blank. */
  #content: Range = nothing;
  /** Lines with nothing but comments. */
  #gap: Range = nothing;
  #block: { from: number; column: number; range: Range } | null = null;
  #left: number;

  constructor(text: string) {
    this.#text = text;
    this.#left = 4 * text.length + 65_536;
  }

  /**
   * Counts characters that are read although another value may hold them too. False: that is far more than the
   * text is long, and is not to go on.
   */
  spend(characters: number): boolean {
    this.#left -= characters;
    return this.#left >= 0;
  }

  /** The scalar after `key:`, or each of the list it has. */
  afterColon(keyStart: number, from: number, quotedKey: boolean): Range[] {
    const text = this.#text;
    const next = text[from];
    if (next !== undefined && !/\s/.test(next) && !(quotedKey && /["'[{\w]/.test(next))) return [];
    let at = skipBlanks(text, from);
    for (let i = 0; i < mostProperties && (text[at] === '!' || text[at] === '&'); i++) {
      while (at < text.length && !/\s/.test(text[at]!)) at++;
      at = skipBlanks(text, at);
    }
    const column = this.columnOf(keyStart);
    const isFlow = /[{,[]\s*["']?$/.test(text.slice(Math.max(keyStart - column, keyStart - 32), keyStart));
    return this.at(at, column, isFlow);
  }

  /** The scalar that begins here, or below a key at this column, or each of the list. */
  at(at: number, column: number, isFlow: boolean): Range[] {
    const text = this.#text;
    const first = text[at];
    if (first === '[') return text.startsWith('[REDACTED', at) ? [] : this.#flowItems(at + 1);
    if (first === '{') return /^\{[{%]/.test(text.slice(at, at + 2)) ? [this.#plain(at, isFlow)] : [];
    if (first === '|' || first === '>') return [this.#blockBelow(this.lineOf(at).end, column)];
    if (first === '#' || first === '\n' || first === '\r' || first === undefined) {
      return isFlow ? [] : this.#below(this.lineOf(at).end, column);
    }
    const scalar = this.scalarAt(at, isFlow);
    if (isFlow || first === '"' || first === "'") return [scalar];
    // A plain scalar may go on in lines that are further in.
    const rest = this.#blockBelow(this.lineOf(scalar.end).end, column);
    return [rest.end > rest.start ? { start: scalar.start, end: rest.end } : scalar];
  }

  /** One scalar, within quotes if it has any. */
  scalarAt(at: number, isFlow: boolean): Range {
    const text = this.#text;
    const quote = text[at];
    if (quote !== '"' && quote !== "'") return this.#plain(at, isFlow);
    let close = closingQuote(text, quote, at + 1);
    // Quotes within `{{ … }}` are the template's.
    while (close !== null) {
      const from = Math.max(at, close - longestOutput);
      const open = text.slice(from, close).lastIndexOf('{{');
      if (open === -1) break;
      const length = text.slice(from + open, from + open + longestOutput).indexOf('}}');
      if (length === -1 || from + open + length < close) break;
      close = closingQuote(text, quote, from + open + length);
    }
    return { start: at + 1, end: close ?? this.lineOf(at).end };
  }

  /** The line in which this character is, without its line break. */
  lineOf(at: number): Range {
    const line = this.#line;
    if (at >= line.start && at <= line.end) return line;
    const end = this.#text.indexOf('\n', at);
    this.#line = {
      start: at === 0 ? 0 : this.#text.lastIndexOf('\n', at - 1) + 1,
      end: end === -1 ? this.#text.length : end,
    };
    return this.#line;
  }

  /** Of a key in its line, from 0. */
  columnOf(keyStart: number): number {
    return keyStart - this.lineOf(keyStart).start;
  }

  /** How far a line is indented. */
  indentationOf(lineStart: number): number {
    if (this.#content.start !== lineStart || this.#content.end === -1) {
      this.#content = { start: lineStart, end: skipBlanks(this.#text, lineStart) };
    }
    return this.#content.end - lineStart;
  }

  #plain(start: number, isFlow: boolean): Range {
    const text = this.#text;
    const value = text.slice(start, isFlow ? endInFlow(text, start) : this.lineOf(start).end);
    const comment = value.indexOf(' #');
    return { start, end: start + (comment === -1 ? value : value.slice(0, comment)).trimEnd().length };
  }

  /** `[a, b]` of scalars. */
  #flowItems(from: number): Range[] {
    const text = this.#text;
    const items: Range[] = [];
    for (let at = from; at < text.length; at++) {
      at = skipSpace(text, at);
      if (text[at] === ']' || text[at] === '{' || text[at] === '[' || at >= text.length) break;
      const item = this.scalarAt(at, true);
      items.push(item);
      at = item.end;
      while (at < text.length && /[\s"']/.test(text[at]!)) at++;
      if (text[at] !== ',') break;
    }
    return items;
  }

  /** What is under a key that has nothing behind it: a scalar further in, or a list. */
  #below(from: number, column: number): Range[] {
    const text = this.#text;
    const items: Range[] = [];
    for (let lineEnd = from; lineEnd < text.length;) {
      const lineStart = this.#skipGap(lineEnd + 1);
      const at = lineStart + this.indentationOf(lineStart);
      if (at >= text.length) break;
      if (text[at] === '-' && at - lineStart >= column && /\s/.test(text[at + 1] ?? '')) {
        const start = skipBlanks(text, at + 1);
        if (matchesAt(keyOfItem, text, start)) break;
        const item = this.scalarAt(start, false);
        items.push(item);
        lineEnd = endOfLine(text, item.end);
      } else if (items.length === 0 && at - lineStart > column && !matchesAt(keyOfLine, text, at)) {
        return [/["'{[]/.test(text[at]!) ? this.scalarAt(at, true) : this.#blockBelow(from, column)];
      } else break;
    }
    return items;
  }

  /** From the beginning of a line to that of the next one that has more than a comment. */
  #skipGap(lineStart: number): number {
    const text = this.#text;
    if (lineStart >= this.#gap.start && lineStart <= this.#gap.end) return this.#gap.end;
    let next = lineStart;
    while (next < text.length) {
      const at = skipBlanks(text, next);
      if (text[at] === '#') next = endOfLine(text, at) + 1;
      else if (text[at] === '\n') next = at + 1;
      else {
        if (at >= text.length) next = at;
        break;
      }
    }
    this.#gap = { start: lineStart, end: next };
    return next;
  }

  /** The lines after `from` that are further in than a key at this column, without their indentation before and after. */
  #blockBelow(from: number, column: number): Range {
    if (this.#block?.from === from && this.#block.column === column) return this.#block.range;
    const text = this.#text;
    let start = -1;
    let end = from;
    for (let lineEnd = from; lineEnd < text.length;) {
      const lineStart = lineEnd + 1;
      // The first line is looked at once for each key of the line before it.
      const at = start === -1 ? lineStart + this.indentationOf(lineStart) : skipBlanks(text, lineStart);
      if (at >= text.length) break;
      if (text[at] === '\n') {
        lineEnd = at;
        continue;
      }
      if (at - lineStart <= column) break;
      if (start === -1) start = at;
      lineEnd = endOfLine(text, at);
      end = lineEnd;
    }
    const range =
      start === -1
        ? { start: from, end: from }
        : { start, end: start + text.slice(start, end).trimEnd().length };
    this.#block = { from, column, range };
    return range;
  }
}

/** What anchors (`&name`) stand for; of an anchor that is asked for again nothing more. */
export class Anchors {
  readonly #text: string;
  readonly #scalars: ScalarRanges;
  #places: Map<string, number> | null = null;
  /** Of the anchor that was asked for last: keys in other lines ask for them in turn. */
  #line: Range = nothing;

  constructor(text: string, scalars: ScalarRanges) {
    this.#text = text;
    this.#scalars = scalars;
  }

  /** `isRead`: false: there is too much of it to look at what it says. */
  take(name: string): { ranges: Range[]; isRead: boolean } {
    const text = this.#text;
    this.#places ??= new Map(
      Array.from(text.matchAll(/&([^\s,[\]{}&]+)[ \t]+(?=\S)/g), (anchor) => [
        anchor[1]!,
        anchor.index + anchor[0].length,
      ]),
    );
    const at = this.#places.get(name);
    if (at === undefined) return { ranges: [], isRead: true };
    this.#places.delete(name);
    if (at < this.#line.start || at > this.#line.end) this.#line = this.#scalars.lineOf(at);
    const line = this.#line;
    // Each of many anchors in one line has the rest of it as its value.
    if (!this.#scalars.spend(line.end - at)) return { ranges: [{ start: at, end: line.end }], isRead: false };
    const isFlow = /[{[][^{}[\]]*$/.test(text.slice(Math.max(line.start, at - 256), at));
    const ranges = this.#scalars.at(at, this.#scalars.indentationOf(line.start), isFlow);
    for (const { start, end } of ranges) this.#scalars.spend(end - start);
    return { ranges, isRead: true };
  }
}

/** Where the scalar ends whose content begins at `from`; null: nowhere. */
export function closingQuote(text: string, quote: string, from: number): number | null {
  for (let end = text.indexOf(quote, from); end !== -1; end = text.indexOf(quote, end + 1)) {
    if (quote === '"' && backslashesBefore(text, end) % 2 === 1) continue;
    if (quote === "'" && text[end + 1] === "'") end++;
    else return end;
  }
  return null;
}

export function backslashesBefore(text: string, at: number): number {
  let count = 0;
  while (text[at - 1 - count] === '\\') count++;
  return count;
}

/** Where a plain scalar within `{}` or `[]` ends, or a comment begins. */
function endInFlow(text: string, start: number): number {
  let at = start;
  while (at < text.length) {
    const character = text[at]!;
    const second = text[at + 1];
    let inner = -1;
    if (character === '$' && second === '{') inner = closeWithin(text, at + 2, '}', longestReference);
    else if (character === '{' && second === '{')
      inner = closeWithin(text, at + 2, '}}', longestOutputInFlow);
    else if (character === '{' && second === '%')
      inner = closeWithin(text, at + 2, '%}', longestOutputInFlow);
    if (inner !== -1) at = inner;
    else if (character === ',' || character === '}' || character === ']' || character === '\n') break;
    else if (character === ' ' && second === '#') return at + 2;
    else at++;
  }
  return at;
}

/** After `sign`, which follows within so many characters of the same line; -1: it does not. */
function closeWithin(text: string, from: number, sign: string, most: number): number {
  const near = text.slice(from, from + most + sign.length);
  const close = near.indexOf(sign);
  if (close === -1) return -1;
  const lineEnd = near.indexOf('\n');
  return lineEnd !== -1 && lineEnd < close ? -1 : from + close + sign.length;
}

function matchesAt(pattern: RegExp, text: string, at: number): boolean {
  pattern.lastIndex = at;
  return pattern.test(text);
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end === -1 ? text.length : end;
}

export function skipBlanks(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ' || text[at] === '\t') at++;
  return at;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && /\s/.test(text[at]!)) at++;
  return at;
}
