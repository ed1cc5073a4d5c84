/** A part of a text: from `start` up to `end`. */
export interface Range {
  start: number;
  end: number;
}

/** No template puts more into one value. */
const longestOutput = 1024;

/** The scalar after `key:`, or each of the list it has. */
export function valuesAfterColon(text: string, keyStart: number, from: number, quotedKey: boolean): Range[] {
  const next = text[from];
  if (next !== undefined && !/\s/.test(next) && !(quotedKey && /["'[{\w]/.test(next))) return [];
  let at = skipBlanks(text, from);
  // A tag or an anchor.
  while (text[at] === '!' || text[at] === '&') {
    while (at < text.length && !/\s/.test(text[at]!)) at++;
    at = skipBlanks(text, at);
  }
  const column = columnOf(text, keyStart);
  const isFlow = /[{,[]\s*["']?$/.test(text.slice(Math.max(keyStart - column, keyStart - 32), keyStart));
  return valuesAt(text, at, column, isFlow);
}

/** The scalar that begins here, or below a key at this column, or each of the list. */
function valuesAt(text: string, at: number, column: number, isFlow: boolean): Range[] {
  const first = text[at];
  if (first === '[') return text.startsWith('[REDACTED', at) ? [] : flowItems(text, at + 1);
  if (first === '{') return /^\{[{%]/.test(text.slice(at, at + 2)) ? [plain(text, at, isFlow)] : [];
  if (first === '|' || first === '>') return [block(text, endOfLine(text, at), column)];
  if (first === '#' || first === '\n' || first === '\r' || first === undefined) {
    return isFlow ? [] : below(text, endOfLine(text, at), column);
  }
  const scalar = scalarAt(text, at, isFlow);
  if (isFlow || first === '"' || first === "'") return [scalar];
  // A plain scalar may go on in lines that are further in.
  const rest = block(text, endOfLine(text, scalar.end), column);
  return [rest.end > rest.start ? { start: scalar.start, end: rest.end } : scalar];
}

/** What anchors (`&name`) stand for; of an anchor that is asked for again nothing more. */
export class Anchors {
  readonly #text: string;
  #places: Map<string, number> | null = null;

  constructor(text: string) {
    this.#text = text;
  }

  take(name: string): Range[] {
    const text = this.#text;
    this.#places ??= new Map(
      Array.from(text.matchAll(/&([^\s,[\]{}&]+)[ \t]+(?=\S)/g), (anchor) => [
        anchor[1]!,
        anchor.index + anchor[0].length,
      ]),
    );
    const at = this.#places.get(name);
    if (at === undefined) return [];
    this.#places.delete(name);
    const lineStart = at - columnOf(text, at);
    const isFlow = /[{[][^{}[\]]*$/.test(text.slice(Math.max(lineStart, at - 256), at));
    return valuesAt(text, at, skipBlanks(text, lineStart) - lineStart, isFlow);
  }
}

/** One scalar, within quotes if it has any. */
export function scalarAt(text: string, at: number, isFlow: boolean): Range {
  const quote = text[at];
  if (quote !== '"' && quote !== "'") return plain(text, at, isFlow);
  let close = closingQuote(text, quote, at + 1);
  // Quotes within `{{ … }}` are the template's.
  while (close !== null) {
    const open = text.slice(at, close).lastIndexOf('{{');
    if (open === -1) break;
    const length = text.slice(at + open, at + open + longestOutput).indexOf('}}');
    if (length === -1 || at + open + length < close) break;
    close = closingQuote(text, quote, at + open + length);
  }
  return { start: at + 1, end: close ?? endOfLine(text, at) };
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

const plainInFlow =
  /(?:\$\{[^}\n]{0,256}\}|\{\{(?:(?!\}\})[^\n]){0,128}\}\}|\{%(?:(?!%\})[^\n]){0,128}%\}|[^,}\]\n])*/y;

function plain(text: string, start: number, isFlow: boolean): Range {
  let end: number;
  if (isFlow) {
    plainInFlow.lastIndex = start;
    end = start + plainInFlow.exec(text)![0].length;
  } else end = endOfLine(text, start);
  const value = text.slice(start, end);
  const comment = value.indexOf(' #');
  return { start, end: start + (comment === -1 ? value : value.slice(0, comment)).trimEnd().length };
}

/** Of a key in its line, from 0; beyond some thousand nobody indents. */
export function columnOf(text: string, keyStart: number): number {
  const before = text.slice(Math.max(0, keyStart - 4096), keyStart);
  return before.length - 1 - before.lastIndexOf('\n');
}

/** `[a, b]` of scalars. */
function flowItems(text: string, from: number): Range[] {
  const items: Range[] = [];
  for (let at = from; at < text.length; at++) {
    at = skipSpace(text, at);
    if (text[at] === ']' || text[at] === '{' || text[at] === '[' || at >= text.length) break;
    const item = scalarAt(text, at, true);
    items.push(item);
    at = text.indexOf(',', item.end);
    if (at === -1 || /[^\s"']/.test(text.slice(item.end, at))) break;
  }
  return items;
}

/** What is under a key that has nothing behind it: a scalar further in, or a list. */
function below(text: string, from: number, column: number): Range[] {
  const items: Range[] = [];
  for (let lineEnd = from; lineEnd < text.length;) {
    const lineStart = lineEnd + 1;
    lineEnd = endOfLine(text, lineStart);
    const at = skipBlanks(text, lineStart);
    if (at >= lineEnd || text[at] === '#') continue;
    if (text[at] === '-' && at - lineStart >= column && /\s/.test(text[at + 1] ?? '')) {
      const item = scalarAt(text, skipBlanks(text, at + 1), false);
      if (/^[\w.-]+:(?:\s|$)/.test(text.slice(item.start, item.end))) break;
      items.push(item);
      lineEnd = endOfLine(text, item.end);
    } else if (
      items.length === 0 &&
      at - lineStart > column &&
      !/^["']?[\w./-]+["']? *:(?:\s|$)/.test(text.slice(at, lineEnd))
    ) {
      return [/["'{[]/.test(text[at]!) ? scalarAt(text, at, true) : block(text, from, column)];
    } else break;
  }
  return items;
}

/** The lines after `from` that are further in than a key at this column, without their indentation before and after. */
function block(text: string, from: number, column: number): Range {
  let start = -1;
  let end = from;
  for (let lineEnd = from; lineEnd < text.length;) {
    const lineStart = lineEnd + 1;
    lineEnd = endOfLine(text, lineStart);
    const at = skipBlanks(text, lineStart);
    if (at >= lineEnd) continue;
    if (at - lineStart <= column) break;
    if (start === -1) start = at;
    end = lineEnd;
  }
  if (start === -1) return { start: from, end: from };
  return { start, end: start + text.slice(start, end).trimEnd().length };
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
