/** Where a text holds a credential; what the credential is, is said nowhere. */
export interface CredentialFinding {
  /** What it looks like, or what its key says it is: `github-token`, `password`. */
  readonly kind: string;
  /** The first character of the value. */
  readonly start: number;
  /** After its last character. */
  readonly end: number;
}

const colon = 58;
const longestName = 128;
const mostKnown = 4096;

/** Names that say their value is a secret, by their end; without case, `_`, `-` and dots. */
const secretNames: readonly (readonly [kind: string, end: RegExp])[] = [
  ['password', /(?:password|passwd|passphrase|pwd|^pass|passwords)$/],
  ['authorization', /authorization$/],
  ['token', /tokens?$/],
  ['connection-string', /connectionstring$/],
  ['credentials', /credentials?$/],
  ['azure-sas', /^sig$|^sharedaccesssignature$/],
  [
    'api-key',
    /(?:api|app|application|access|secret|private|license|ingest|ingestion|write|account|shared|signing|encryption|master|storage|instrumentation|integration|insert|service|customer)keys?$|honeycombteam$|^(?:private)?keypem$/,
  ],
  ['secret', /secrets?$/],
];

/**
 * By the last three letters of those names, and of names that need a look at what is before them: 1, or where many
 * other names end so (`compression`), what the three letters before must be, plus 2.
 */
const endings = new Uint16Array(0x8000);
for (const ending of 'ord rds swd pwd ass ken ens key eys eam pem sig ret ets lue phrase zation string ential ntials nature inline'.split(
  ' ',
)) {
  endings[endingAt(ending, ending.length - 1)] = ending.length === 3 ? 1 : endingAt(ending, 2) + 2;
}

/** The three letters up to `last` as a number, in whatever case. */
function endingAt(text: string, last: number): number {
  return (
    ((text.charCodeAt(last - 2) & 31) << 10) |
    ((text.charCodeAt(last - 1) & 31) << 5) |
    (text.charCodeAt(last) & 31)
  );
}

/** Literal values of keys that are secret by their names, in `key: value` and `key=value`. */
export function secretValues(text: string): CredentialFinding[] {
  const found: CredentialFinding[] = [];
  collect(text, ':', found);
  collect(text, '=', found);
  return found;
}

function collect(text: string, sign: ':' | '=', found: CredentialFinding[]): void {
  for (let at = text.indexOf(sign); at !== -1;) {
    // What a value holds is not looked at again.
    const next = mayBeSecret(text, at) ? takeValue(text, at, found) : at + 1;
    at = text.indexOf(sign, next);
  }
}

/** The cheap question first: does the name end as one of those? */
function mayBeSecret(text: string, sign: number): boolean {
  let last = sign - 1;
  if (text.charCodeAt(last) === 32) last--;
  const code = text.charCodeAt(last);
  if (code === 34 || code === 39) last--;
  const before = endings[endingAt(text, last)]!;
  return before === 1 || (before > 1 && before === endingAt(text, last - 3) + 2);
}

/** Answers where to go on: after the value of a key that is secret by its name. */
function takeValue(text: string, sign: number, found: CredentialFinding[]): number {
  const key = keyBefore(text, sign);
  const kind = key && kindOf(key.name, text, key.start);
  if (!kind) return sign + 1;
  const values =
    text.charCodeAt(sign) === colon
      ? valuesAfterColon(text, key.start, sign + 1, key.quoted)
      : valueAfterEquals(text, sign + 1);
  for (const value of values) {
    const literal = literalOf(text, value, kind);
    if (literal) found.push(literal);
  }
  return Math.max(sign + 1, values.at(-1)?.end ?? 0);
}

interface Key {
  name: string;
  /** Of its quote, if it has one. */
  start: number;
  quoted: boolean;
}

function keyBefore(text: string, sign: number): Key | null {
  let end = text.charCodeAt(sign - 1) === 32 ? sign - 1 : sign;
  const quote = text.charCodeAt(end - 1);
  const quoted = quote === 34 || quote === 39;
  if (quoted) end--;
  let start = end;
  while (start > 0 && end - start < longestName && isNameCharacter(text.charCodeAt(start - 1))) start--;
  if (start === end || (quoted && text.charCodeAt(start - 1) !== quote)) return null;
  return { name: text.slice(start, end), start: quoted ? start - 1 : start, quoted };
}

/** Letters, digits, `_`, `-` and `.`. */
function isNameCharacter(code: number): boolean {
  const letter = code | 32;
  return (letter >= 97 && letter <= 122) || (code >= 45 && code <= 57 && code !== 47) || code === 95;
}

/** What the value of the key at `start` is, or null: nothing secret. */
function kindOf(name: string, text: string, start: number): string | null {
  if (name === 'value') return kindOfNamed(text.slice(Math.max(0, start - longestName), start));
  if (name === 'inline') {
    const before = text.slice(Math.max(0, start - longestName), start);
    return /htpasswd["']? *: *\{?\s*["']?$/.test(before) ? 'password' : null;
  }
  return kindOfName(name);
}

/** Headers as lists: `- name: x-api-key` and then `value: …`. */
function kindOfNamed(before: string): string | null {
  const named = /(?:name|key)["']? *: *["']?([\w.-]+)["']?\s*(?:,|\n)\s*["']?$/.exec(before)?.[1];
  return named === undefined ? null : kindOfName(named);
}

/** Configurations use the same few names: what was found out of one is kept. */
const known = new Map<string, string | null>();

function kindOfName(name: string): string | null {
  const kept = known.get(name);
  if (kept !== undefined) return kept;
  const plainName = name.toLowerCase().replaceAll(/[_.-]/g, '');
  const kind = secretNames.find(([, end]) => end.test(plainName))?.[0] ?? null;
  if (known.size >= mostKnown) known.clear();
  known.set(name, kind);
  return kind;
}

interface Range {
  start: number;
  end: number;
}

/** The scalar after `key:`, or each of the list it has. */
function valuesAfterColon(text: string, keyStart: number, from: number, quotedKey: boolean): Range[] {
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
  const first = text[at];
  if (first === '[') return text.startsWith('[REDACTED', at) ? [] : flowItems(text, at + 1);
  if (first === '{' || first === '*') return text.startsWith('{{', at) ? [plain(text, at, isFlow)] : [];
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

function valueAfterEquals(text: string, from: number): Range[] {
  const value = /^["']?([^\s;&,"')}\]=~][^\s;&,"')}\]]*)/.exec(text.slice(from, from + 1024));
  return value ? [{ start: from + value[0].length - value[1]!.length, end: from + value[0].length }] : [];
}

function scalarAt(text: string, at: number, isFlow: boolean): Range {
  const quote = text[at];
  if (quote !== '"' && quote !== "'") return plain(text, at, isFlow);
  const close = closingQuote(text, at);
  return close === null ? { start: at + 1, end: endOfLine(text, at) } : { start: at + 1, end: close };
}

function closingQuote(text: string, at: number): number | null {
  const quote = text[at]!;
  for (let end = text.indexOf(quote, at + 1); end !== -1; end = text.indexOf(quote, end + 1)) {
    if (quote === '"' && backslashesBefore(text, end) % 2 === 1) continue;
    if (quote === "'" && text[end + 1] === "'") end++;
    else return end;
  }
  return null;
}

function backslashesBefore(text: string, at: number): number {
  let count = 0;
  while (text[at - 1 - count] === '\\') count++;
  return count;
}

const plainInFlow = /(?:\$\{[^}\n]{0,256}\}|[^,}\]\n])*/y;

function plain(text: string, start: number, isFlow: boolean): Range {
  let end: number;
  if (isFlow && !text.startsWith('{{', start)) {
    plainInFlow.lastIndex = start;
    end = start + plainInFlow.exec(text)![0].length;
  } else end = endOfLine(text, start);
  const value = text.slice(start, end);
  const comment = value.indexOf(' #');
  return { start, end: start + (comment === -1 ? value : value.slice(0, comment)).trimEnd().length };
}

/** Of a key in its line, from 0; beyond some thousand nobody indents. */
function columnOf(text: string, keyStart: number): number {
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

/** The part of a value that is a secret in plain sight, or null. */
function literalOf(text: string, { start, end }: Range, kind: string): CredentialFinding | null {
  const value = text.slice(start, end);
  const fallback = /^\$\{[^}]*:-([^}]+)\}$/.exec(value)?.[1];
  if (fallback !== undefined)
    return literalOf(text, { start: end - 1 - fallback.length, end: end - 1 }, kind);
  if (value.includes('${') || value.includes('{{') || value.includes('{%')) return null;
  const scheme = /^(bearer|basic|apikey|token|splunk|digest|aws4-hmac-sha256)\s+/i.exec(value);
  if (scheme && scheme[0].length < value.length) {
    const own = { bearer: 'bearer-token', basic: 'basic-auth' }[scheme[1]!.toLowerCase()] ?? kind;
    return literalOf(text, { start: start + scheme[0].length, end }, own);
  }
  return saysNothing(value, kind) ? null : { kind, start, end };
}

function saysNothing(value: string, kind: string): boolean {
  if (/^(?:|~|null|true|false|yes|no|on|off)$/i.test(value)) return true;
  if (/^\$[A-Za-z_]\w*$/.test(value)) return true;
  if (/^(?:\[?redacted.*|<[^>]*>|\*+|x{3,}|bearer|basic)$/i.test(value)) return true;
  // A number is a limit or a duration; as a password it is one.
  return kind !== 'password' && kind !== 'secret' && /^[\d.]+(?:ns|us|ms|s|m|h)?$/.test(value);
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end === -1 ? text.length : end;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ' || text[at] === '\t') at++;
  return at;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && /\s/.test(text[at]!)) at++;
  return at;
}
