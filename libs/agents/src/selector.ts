import { InvalidSelector } from './errors.ts';
import { compareVersions, versionNumbers } from './version-numbers.ts';

/** A parsed label selector: every requirement has to hold. None at all: everything matches. */
export interface Selector {
  readonly requirements: readonly Requirement[];
}

export type Requirement =
  /** The value is one of these. */
  | { readonly key: string; readonly operator: 'in'; readonly values: readonly string[] }
  /** The key is missing, or its value is none of these. */
  | { readonly key: string; readonly operator: 'notIn'; readonly values: readonly string[] }
  | { readonly key: string; readonly operator: 'exists' | 'notExists' }
  /** The value begins with a version (`version-numbers.ts`), which compares so with this one. */
  | { readonly key: string; readonly operator: Comparison; readonly version: string };

export const comparisons = ['<', '<=', '>', '>='] as const;
export type Comparison = (typeof comparisons)[number];

/**
 * Reads Kubernetes label-selector text: `a=b`, `a==b`, `a!=b`, `a in (x,y)`, `a notin (x)`, `a`, `!a`,
 * joined by commas, and versions in order: `service.version>=0.120,service.version<0.150`. Keys and values may be quoted, with `"` or `'`, when they hold other characters;
 * a backslash keeps the character after it. Empty text selects everything.
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

/** Does an agent with these attributes and labels match? */
export function matchesSelector(selector: Selector, values: Readonly<Record<string, string>>): boolean {
  return selector.requirements.every((requirement) => {
    const value = Object.hasOwn(values, requirement.key) ? values[requirement.key] : undefined;
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

function formatRequirement(requirement: Requirement): string {
  const key = quoteIfNeeded(requirement.key);
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

function quoteIfNeeded(text: string): string {
  return /^[^\s=!(),<>"']+$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

function parseRequirement(tokens: Tokens): Requirement {
  if (tokens.skip('!')) return { key: tokens.takeWord('a key'), operator: 'notExists' };
  const key = tokens.takeWord('a key');
  if (tokens.skip('=') || tokens.skip('==')) return { key, operator: 'in', values: [parseValue(tokens)] };
  if (tokens.skip('!=')) return { key, operator: 'notIn', values: [parseValue(tokens)] };
  if (tokens.skipWord('in')) return { key, operator: 'in', values: parseValues(tokens) };
  if (tokens.skipWord('notin')) return { key, operator: 'notIn', values: parseValues(tokens) };
  const operator = comparisons.find((mark) => tokens.skip(mark));
  if (operator) return { key, operator, version: tokens.takeVersion() };
  tokens.expectOperatorOrEnd();
  return { key, operator: 'exists' };
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

  expectOperatorOrEnd(): void {
    const { kind, text } = this.next;
    if (kind !== 'end' && text !== ',') this.#fail('expected =, !=, <, <=, >, >=, in, notin, "," or the end');
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
