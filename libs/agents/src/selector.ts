import { InvalidSelector } from './errors.ts';
import { compareVersions, versionNumbers } from './version-numbers.ts';

/** A parsed label selector: every requirement has to hold. None at all: everything matches. */
export interface Selector {
  readonly requirements: readonly Requirement[];
}

export type Requirement = {
  /** The empty key with the source `token`. */
  readonly key: string;
  /** Where the value has to come from; left out: a label, or an attribute that no label replaces. */
  readonly source?: ValueSource;
} & (
  | /** The value is one of these. */
    { readonly operator: 'in'; readonly values: readonly string[] }
    /** The key is missing, or its value is none of these. */
  | { readonly operator: 'notIn'; readonly values: readonly string[] }
  | { readonly operator: 'exists' | 'notExists' }
  /** The value begins with a version (`version-numbers.ts`), which compares so with this one. */
  | { readonly operator: Comparison; readonly version: string }
);

/**
 * Who says a value: an operator (`label`), the agent itself (`attribute`), or the name of the enrollment
 * token that the agent belongs to (`token`).
 */
export type ValueSource = 'label' | 'attribute' | 'token';
const valueSources: readonly ValueSource[] = ['label', 'attribute', 'token'];

/** What selectors match. */
export interface SelectableAgent {
  readonly attributes: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Name of its enrollment token; null: it came with none. */
  readonly token: string | null;
}

export const comparisons = ['<', '<=', '>', '>='] as const;
export type Comparison = (typeof comparisons)[number];

/**
 * Reads Kubernetes label-selector text: `a=b`, `a==b`, `a!=b`, `a in (x,y)`, `a notin (x)`, `a`, `!a`,
 * joined by commas, and versions in order: `service.version>=0.120,service.version<0.150`. Keys and values
 * may be quoted, with `"` or `'`, when they hold other characters; a backslash keeps the character after it.
 * Empty text selects everything.
 *
 * A key can name who says the value: `label:env=prod` (an operator), `attribute:env=prod` (the agent itself),
 * `token:edge` or `token: in (edge,core)` (it belongs to an enrollment token of that name). A quoted key names
 * no source.
 * Throws `InvalidSelector` with the position.
 */
export function parseSelector(text: string): Selector {
  const tokens = new Tokens(text);
  const requirements: Requirement[] = [];
  if (tokens.next.kind === 'end') return { requirements };
  do requirements.push(parseRequirement(tokens));
  while (tokens.skip(','));
  tokens.expectEnd();
  return { requirements };
}

/** Does the agent match? */
export function matchesSelector(selector: Selector, agent: SelectableAgent): boolean {
  return selector.requirements.every((requirement) => {
    const value = selectedValue(requirement, agent)?.value;
    switch (requirement.operator) {
      case 'exists':
        return value !== undefined;
      case 'notExists':
        return value === undefined;
      case 'in':
        return value !== undefined && requirement.values.includes(value);
      case 'notIn':
        return value === undefined || !requirement.values.includes(value);
      default:
        return value !== undefined && comparesSo(value, requirement.operator, requirement.version);
    }
  });
}

/** The value that a requirement looks at, and who says it; null: the agent has none. */
export function selectedValue(
  { key, source }: Requirement,
  { attributes, labels, token }: SelectableAgent,
): { value: string; source: ValueSource } | null {
  if (source === 'token') return token === null ? null : { value: token, source };
  if (source !== 'attribute' && Object.hasOwn(labels, key)) return { value: labels[key]!, source: 'label' };
  if (source !== 'label' && Object.hasOwn(attributes, key)) {
    return { value: attributes[key]!, source: 'attribute' };
  }
  return null;
}

function comparesSo(value: string, operator: Comparison, version: string): boolean {
  const [numbers, limit] = [versionNumbers(value), versionNumbers(version)];
  if (numbers === null || limit === null) return false;
  const order = compareVersions(numbers, limit);
  if (order === 0) return operator.endsWith('=');
  return order < 0 === operator.startsWith('<');
}

/** The selector as text that parses to the same selector; one value is written with `=` or `!=`. */
export function formatSelector(selector: Selector): string {
  return selector.requirements.map(formatRequirement).join(',');
}

/** One requirement as text that parses to the same. */
export function formatRequirement(requirement: Requirement): string {
  const key = formatKey(requirement);
  switch (requirement.operator) {
    case 'exists':
      return key;
    case 'notExists':
      return `!${key}`;
    case 'in':
    case 'notIn': {
      const values = requirement.values.map(quoteIfNeeded);
      if (values.length === 1) return `${key}${requirement.operator === 'in' ? '=' : '!='}${values[0]}`;
      return `${key} ${requirement.operator === 'in' ? 'in' : 'notin'} (${values.join(',')})`;
    }
    default:
      return `${key}${requirement.operator}${quoteIfNeeded(requirement.version)}`;
  }
}

function formatKey({ key, source }: Requirement): string {
  if (source === 'token') return 'token:';
  if (source) return `${source}:${quoteIfNeeded(key)}`;
  return sourceIn(key) === undefined ? quoteIfNeeded(key) : quote(key);
}

/** The source that a key without quotes begins with. */
function sourceIn(key: string): ValueSource | undefined {
  return valueSources.find((source) => key.startsWith(`${source}:`));
}

function quoteIfNeeded(text: string): string {
  return /^[^\s=!(),<>"']+$/.test(text) ? text : quote(text);
}

function quote(text: string): string {
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

function parseRequirement(tokens: Tokens): Requirement {
  const position = tokens.next.position;
  const negated = tokens.skip('!');
  const named = takeKey(tokens);
  if (named.source === 'token' && named.key !== '') {
    // `token:edge` is short for `token:=edge`
    tokens.expectEndOfRequirement('"token:" is followed by one name; several are `token: in (a,b)`');
    return { key: '', source: 'token', operator: negated ? 'notIn' : 'in', values: [named.key] };
  }
  if (negated) return { ...named, operator: 'notExists' };
  if (tokens.skip('=') || tokens.skip('=='))
    return { ...named, operator: 'in', values: [parseValue(tokens)] };
  if (tokens.skip('!=')) return { ...named, operator: 'notIn', values: [parseValue(tokens)] };
  if (tokens.skipWord('in')) return { ...named, operator: 'in', values: parseValues(tokens) };
  if (tokens.skipWord('notin')) return { ...named, operator: 'notIn', values: parseValues(tokens) };
  const operator = comparisons.find((mark) => tokens.skip(mark));
  if (operator && named.source === 'token')
    throw new InvalidSelector('names of tokens have no order', position);
  if (operator) return { ...named, operator, version: tokens.takeVersion() };
  tokens.expectOperatorOrEnd();
  return { ...named, operator: 'exists' };
}

/** A key, after the source that it names perhaps: `label:env`, `attribute:"odd key"`, `token:`. */
function takeKey(tokens: Tokens): { key: string; source?: ValueSource } {
  const { quoted, text, position } = tokens.next;
  const word = tokens.takeWord('a key');
  const source = quoted ? undefined : sourceIn(text);
  if (source === undefined) return { key: word };
  const end = position + word.length;
  const rest = word.slice(source.length + 1);
  const quotedKey = rest === '' && tokens.next.quoted && tokens.next.position === end;
  const key = quotedKey ? tokens.takeWord('a key') : rest;
  if (key === '' && source !== 'token') {
    throw new InvalidSelector(`expected the key of ${source === 'label' ? 'a label' : 'an attribute'}`, end);
  }
  return { key, source };
}

/** As in Kubernetes, `a=` asks for the empty value. */
function parseValue(tokens: Tokens): string {
  return tokens.next.kind === 'word' ? tokens.takeWord('a value') : '';
}

function parseValues(tokens: Tokens): string[] {
  tokens.expect('(');
  const values: string[] = [];
  do values.push(tokens.takeWord('a value'));
  while (tokens.skip(','));
  tokens.expect(')');
  return values;
}

interface Token {
  kind: 'word' | 'symbol' | 'end';
  /** A word's text without its quotes, or the symbol. */
  text: string;
  quoted: boolean;
  position: number;
}

const space = /\s*/y;
const symbol = /==|!=|<=|>=|[=!(),<>]/y;
const bareWord = /[^\s=!(),<>"']+/y;

/** Reads the text token by token, one ahead. */
class Tokens {
  next: Token;
  readonly #text: string;
  #offset = 0;

  constructor(text: string) {
    this.#text = text;
    this.next = this.#read();
  }

  skip(text: string): boolean {
    if (this.next.kind !== 'symbol' || this.next.text !== text) return false;
    this.next = this.#read();
    return true;
  }

  skipWord(text: string): boolean {
    if (this.next.kind !== 'word' || this.next.quoted || this.next.text !== text) return false;
    this.next = this.#read();
    return true;
  }

  takeWord(what: string): string {
    const { kind, text, position, quoted } = this.next;
    if (kind !== 'word' || (what === 'a key' && text === '')) this.#fail(`expected ${what}`);
    if (!text.isWellFormed() || text.includes('\0')) {
      throw new InvalidSelector('characters that no label can hold', position + (quoted ? 1 : 0));
    }
    this.next = this.#read();
    return text;
  }

  takeVersion(): string {
    const { text, position } = this.next;
    if (this.next.kind === 'word' && versionNumbers(text) === null) {
      throw new InvalidSelector(`expected a version such as 0.149.0, found "${text}"`, position);
    }
    return this.takeWord('a version');
  }

  expect(text: string): void {
    if (!this.skip(text)) this.#fail(`expected "${text}"`);
  }

  expectEnd(): void {
    if (this.next.kind !== 'end') this.#fail('expected "," or the end');
  }

  expectEndOfRequirement(reason: string): void {
    const { kind, text } = this.next;
    if (kind !== 'end' && text !== ',') this.#fail(reason);
  }

  expectOperatorOrEnd(): void {
    this.expectEndOfRequirement('expected =, !=, <, <=, >, >=, in, notin, "," or the end');
  }

  #fail(reason: string): never {
    const found = this.next.kind === 'end' ? 'the end' : `"${this.next.text}"`;
    throw new InvalidSelector(`${reason}, found ${found}`, this.next.position);
  }

  #read(): Token {
    this.#match(space);
    const position = this.#offset;
    if (position === this.#text.length) return { kind: 'end', text: '', quoted: false, position };
    const mark = this.#match(symbol);
    if (mark) return { kind: 'symbol', text: mark, quoted: false, position };
    const word = this.#match(bareWord);
    if (word) return { kind: 'word', text: word, quoted: false, position };
    return { kind: 'word', text: this.#readQuoted(), quoted: true, position };
  }

  #readQuoted(): string {
    const start = this.#offset;
    const quote = this.#text[start]!;
    if (quote !== '"' && quote !== "'") {
      throw new InvalidSelector(`unexpected "${quote}"; values with it need quotes`, start);
    }
    let text = '';
    for (let i = start + 1; i < this.#text.length; i++) {
      const character = this.#text[i]!;
      if (character === quote) {
        this.#offset = i + 1;
        return text;
      }
      text += character === '\\' ? (this.#text[++i] ?? '') : character;
    }
    throw new InvalidSelector('quote is not closed', start);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#offset;
    const match = pattern.exec(this.#text)?.[0];
    if (match) this.#offset += match.length;
    return match;
  }
}
