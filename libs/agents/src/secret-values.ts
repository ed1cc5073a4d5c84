import { Anchors, ScalarRanges, skipBlanks, type Range } from './scalar-ranges.ts';
import { kindOfName, mayEndSecretName } from './secret-names.ts';
import { assignedLiterals, templateLiterals } from './template-literals.ts';

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
const blank = 32;
const longestName = 128;
/** `bearer token x` and its like: names of schemes before a credential. */
const mostSchemes = 4;
/** A line that sets a name of its own is not indented further. */
const deepestSetting = 256;

/**
 * Literal values of keys that are secret by their names: `key: value`, `key=value`, `--key value`, and what templates
 * assign to such a name.
 */
export function secretValues(text: string): CredentialFinding[] {
  const values = new SecretValues(text);
  values.collect(':');
  values.collect('=');
  // Rare forms, each behind a sign that other texts do not have.
  if (text.includes('? ')) values.collectExplicitKeys();
  if (text.includes('--')) values.collectFlags();
  if (text.includes('%}')) values.collectAssigned();
  return values.found;
}

/** The values of one key, whose name is known: its quotes begin at `start`, and its colon is at `sign`. */
export function secretValuesOf(
  text: string,
  scalars: ScalarRanges,
  { name, start, sign }: { name: string; start: number; sign: number },
): CredentialFinding[] {
  const kind = kindOfName(name);
  if (kind === null) return [];
  const values = overlappingValues(scalars, start, sign, true);
  return values === null
    ? [{ kind, start: sign + 1, end: scalars.lineOf(sign).end }]
    : values.flatMap((value) => literalsOf(text, value, kind));
}

/** Of a key that may be part of another's value; null: there is too much of that, and the line is one credential. */
function overlappingValues(
  scalars: ScalarRanges,
  keyStart: number,
  sign: number,
  quotedKey: boolean,
): Range[] | null {
  if (!scalars.spend(scalars.lineOf(sign).end - sign)) return null;
  const values = scalars.afterColon(keyStart, sign + 1, quotedKey);
  for (const { start, end } of values) scalars.spend(end - start);
  return values;
}

/** The parts of a value that are secrets in plain sight. */
export function literalsOf(
  text: string,
  { start, end }: Range,
  kind: string,
  schemes = 0,
): readonly CredentialFinding[] {
  const value = text.slice(start, end);
  const opening = value.indexOf('{');
  if (opening !== -1) {
    // Nearly always it is this.
    const isReference = opening === 1 && value[0] === '$' && value.indexOf('{', 2) === -1;
    if (isReference && !value.includes(':-')) return nothing;
    const fallback = fallbackOf(value);
    if (fallback !== undefined)
      return literalsOf(text, { start: end - 1 - fallback.length, end: end - 1 }, kind);
    if (isTemplate.test(value)) return templateSecrets(text, value, start, kind);
    if (value.includes('${')) return nothing;
  }
  const scheme = /^(bearer|basic|apikey|token|splunk|digest|aws4-hmac-sha256)\s+/i.exec(value);
  if (scheme && scheme[0].length < value.length && schemes < mostSchemes) {
    const own = { bearer: 'bearer-token', basic: 'basic-auth' }[scheme[1]!.toLowerCase()] ?? kind;
    return literalsOf(text, { start: start + scheme[0].length, end }, own, schemes + 1);
  }
  return saysNothing(value, kind) ? nothing : [{ kind, start, end }];
}

/** What stands for a variable that is not set: `x` of `${env:NAME:-x}`. */
function fallbackOf(reference: string): string | undefined {
  if (!reference.startsWith('${') || reference.indexOf('}') !== reference.length - 1) return undefined;
  const mark = reference.lastIndexOf(':-', reference.length - 4);
  return mark < 2 ? undefined : reference.slice(mark + 2, -1);
}

const isTemplate = /\{[{%]/;
const nothing: readonly CredentialFinding[] = [];

function templateSecrets(text: string, value: string, start: number, kind: string): CredentialFinding[] {
  if (hasTemplateInReference(value)) return [];
  return templateLiterals(value).flatMap((literal) =>
    literalsOf(text, trimmed(text, start + literal.start, start + literal.end), kind),
  );
}

/** A template of a reference's name, as in `${env:{{ name }}}`. */
function hasTemplateInReference(value: string): boolean {
  let isReference = false;
  for (const [part] of value.matchAll(/\$\{|\}|\{[{%]/g)) {
    if (part === '${') isReference = true;
    else if (part === '}') isReference = false;
    else if (isReference) return true;
  }
  return false;
}

class SecretValues {
  readonly found: CredentialFinding[] = [];
  readonly #text: string;
  readonly #scalars: ScalarRanges;
  #anchors: Anchors | null = null;

  constructor(text: string) {
    this.#text = text;
    this.#scalars = new ScalarRanges(text);
  }

  collect(sign: ':' | '='): void {
    const text = this.#text;
    let at = text.indexOf(sign);
    while (at !== -1) {
      // What a value holds is not looked at again.
      const next = mayBeSecret(text, at) ? this.#takeValue(at) : at + 1;
      at = text.indexOf(sign, next);
    }
  }

  /** `? key` in a line, and `: value` in the next. */
  collectExplicitKeys(): void {
    const pattern = /^[ \t]*(?:- +)?\? +["']?([\w.-]{1,128})["']?[ \t]*(?:#.*)?\r?\n[ \t]*:/gm;
    for (const { index, 0: whole, 1: name } of this.#text.matchAll(pattern)) {
      const sign = index + whole.length - 1;
      const kind = kindOfName(name!);
      if (kind === null) continue;
      const values = overlappingValues(this.#scalars, sign, sign, false);
      if (values) this.#take(values, kind);
      else this.found.push({ kind, start: sign + 1, end: this.#scalars.lineOf(sign).end });
    }
  }

  /** `--password x` in a command, or as two members of a list; with `=` it is found as a name is. */
  collectFlags(): void {
    const pattern =
      /--([A-Za-z][\w.-]{0,127})(?:["']?,? {1,8}|["']\n? {0,64}, {0,64}|["']?\n {0,64}- )(["']?)(?![-"'])/g;
    for (const { index, 0: whole, 1: name, 2: quote } of this.#text.matchAll(pattern)) {
      const kind = kindOfName(name!);
      const start = index + whole.length;
      if (kind === null || this.#isComment(index)) continue;
      const end = quote === '"' || quote === "'" ? /[\n"']/ : /[\s"',\]}]/;
      const length = this.#text.slice(start, start + 4096).search(end);
      this.#take([{ start, end: length === -1 ? this.#text.length : start + length }], kind);
    }
  }

  collectAssigned(): void {
    for (const { name, start, end } of assignedLiterals(this.#text)) {
      const kind = kindOfName(name);
      if (kind) this.#take([trimmed(this.#text, start, end)], kind);
    }
  }

  /** Answers where to go on: after the value of a key that is secret by its name. */
  #takeValue(sign: number): number {
    const text = this.#text;
    const key = keyBefore(text, sign);
    const kind = key && kindOf(key.name, text, key.start, sign);
    if (!kind) return sign + 1;
    const values =
      text.charCodeAt(sign) === colon
        ? this.#scalars.afterColon(key.start, sign + 1, key.quoted)
        : valueAfterEquals(text, this.#scalars, sign + 1, key.start);
    this.#take(values, kind);
    return Math.max(sign + 1, values.at(-1)?.end ?? 0);
  }

  #take(values: readonly Range[], kind: string): void {
    const text = this.#text;
    for (const value of values) {
      if (text[value.start] === '*' && !/["']/.test(text[value.start - 1] ?? '')) {
        const anchor = /^\*([^\s,[\]{}*]+)/.exec(text.slice(value.start, value.start + longestName))?.[1];
        if (anchor === undefined) continue;
        this.#anchors ??= new Anchors(text, this.#scalars);
        const { ranges, isRead } = this.#anchors.take(anchor);
        for (const range of ranges) {
          for (const literal of isRead ? literalsOf(text, range, kind) : [{ ...range, kind }])
            this.found.push(literal);
        }
      } else for (const literal of literalsOf(text, value, kind)) this.found.push(literal);
    }
  }

  #isComment(at: number): boolean {
    return /(?:^|\s)#/.test(this.#text.slice(at - Math.min(this.#scalars.columnOf(at), longestName), at));
  }
}

/** The cheap question first: does the name end as one of those? */
function mayBeSecret(text: string, sign: number): boolean {
  let last = sign - 1;
  let code = text.charCodeAt(last);
  while (code === blank) code = text.charCodeAt(--last);
  if (code === 34 || code === 39) last--;
  return mayEndSecretName(text, last);
}

interface Key {
  name: string;
  /** Of its quote, if it has one. */
  start: number;
  quoted: boolean;
}

function keyBefore(text: string, sign: number): Key | null {
  let end = sign;
  while (text.charCodeAt(end - 1) === blank) end--;
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

/** Keys of vendors such as Datadog, where their name is only `key`: 32 to 64 hexadecimal digits. */
function isHexKey(text: string, from: number): boolean {
  let at = from;
  while (text.charCodeAt(at) === blank) at++;
  if (text[at] === '"' || text[at] === "'") at++;
  const start = at;
  while (at - start <= 64 && isHexDigit(text.charCodeAt(at))) at++;
  return at - start >= 32 && at - start <= 64 && !isNameCharacter(text.charCodeAt(at));
}

function isHexDigit(code: number): boolean {
  const letter = code | 32;
  return (code >= 48 && code <= 57) || (letter >= 97 && letter <= 102);
}

/** What the value of the key at `start` is, or null: nothing secret. */
function kindOf(name: string, text: string, start: number, sign: number): string | null {
  if (name === 'value') return kindOfNamed(text.slice(Math.max(0, start - longestName), start));
  if (name === 'key') return isHexKey(text, sign + 1) ? 'api-key' : null;
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

function valueAfterEquals(text: string, scalars: ScalarRanges, from: number, keyStart: number): Range[] {
  if (text.charCodeAt(from) === blank) return valueOfSetting(text, scalars, from, keyStart);
  const value = /^["']?([^\s;&,"')}\]=~][^\s;&,"')}\]]*)/.exec(text.slice(from, from + 1024));
  if (!value) return [];
  const range = { start: from + value[0].length - value[1]!.length, end: from + value[0].length };
  return isPattern(value[1]!) ? [] : [range];
}

/** `name = value` is a setting where it has a line of its own, as in INI and TOML; else it may be a comparison. */
function valueOfSetting(text: string, scalars: ScalarRanges, from: number, keyStart: number): Range[] {
  const column = scalars.columnOf(keyStart);
  if (column > deepestSetting) return [];
  const before = text.slice(keyStart - column, keyStart);
  const at = skipBlanks(text, from);
  if (!/^[ \t]*(?:export )?$/.test(before) || /[\n=~]/.test(text[at] ?? '\n')) return [];
  return [scalars.scalarAt(at, false)];
}

/** Of a regular expression or a Grok pattern after `name=`: that looks for a secret and is none. */
function isPattern(value: string): boolean {
  return /\[\^|\[\[:|\[[\w\\]+-|\.[*+?{]|\\[SsWwDdb.]|\(\?|^%\{/.test(value);
}

function trimmed(text: string, start: number, end: number): Range {
  const value = text.slice(start, end);
  const from = start + (value.length - value.trimStart().length);
  return { start: from, end: Math.max(from, start + value.trimEnd().length) };
}

function saysNothing(value: string, kind: string): boolean {
  if (/^(?:|~|null|true|false|yes|no|on|off)$/i.test(value)) return true;
  if (/^\$+(?:[A-Za-z_]\w*|\d+)$/.test(value)) return true;
  if (/^(?:\[?redacted.*|<[^>]*>|\*+|x{3,}|bearer|basic)$/i.test(value)) return true;
  // What stands for a value that was taken out, and patterns by how they begin.
  if (/^[*[({]+(?:redacted|masked|hidden|removed)[*\])}]+$/i.test(value)) return true;
  if (/^\^?(?:\[\^|\(\?|\(?\.[*+]|\(?\\[SsWwDd][*+{])/.test(value)) return true;
  if (/^\^.*\$$/.test(value) && isPattern(value)) return true;
  // A number is a limit or a duration; as a password it is one.
  return kind !== 'password' && kind !== 'secret' && /^[\d.]+(?:ns|us|ms|s|m|h)?$/.test(value);
}
