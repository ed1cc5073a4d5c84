import { createHash } from 'node:crypto';
import { aliasAllowance, resolveAliases } from './yaml-aliases.ts';
import { parseYaml } from './yaml-text.ts';

/** File name → text. */
export type Files = Readonly<Record<string, string>>;

/** Where a reported configuration lacks what was rendered. */
export interface Lack {
  /** The first paths, as `exporters.otlp.endpoint`; empty: all of it is there. */
  readonly paths: readonly string[];
  /** SHA-256 of all of them with what is reported there; null: nothing is lacking. */
  readonly digest: Buffer | null;
}

interface Difference {
  readonly path: string;
  /** What is there instead. */
  readonly actual: unknown;
}

const pathsKept = 10;
/** Values that are compared: lists of which any item may be anywhere in the other take many. */
const mostComparisons = 5_000_000;
/** Of a path; longer ones are no component's. */
const longestKey = 256;
const longestDuration = 64;
/** What stands for a credential; YAML would read a list. */
const redaction = /\[REDACTED(?::[\w-]*)?\]/g;
const redacted = '(redacted)';

/**
 * Where a reported configuration lacks what was rendered. Files are merged by key in the order of their names. More than was
 * rendered is no difference: supervisors and collectors add their own; nor are other notations that
 * collectors use for the same. Nothing is said of values with references (`${env:NAME}`), which hosts
 * resolve, and of redacted ones. Null: one of them cannot be read.
 */
export function lackOf(rendered: Files, reported: Files): Lack | null {
  const expected = merged(rendered);
  const actual = merged(reported);
  if (expected === unreadable || actual === unreadable || actual === undefined) return null;
  const comparison = new Comparison();
  try {
    comparison.compare(expected, actual, []);
  } catch {
    return null;
  }
  const { lacking } = comparison;
  return {
    paths: lacking.slice(0, pathsKept).map(({ path }) => path),
    digest: lacking.length === 0 ? null : digestOf(lacking),
  };
}

function digestOf(lacking: readonly Difference[]): Buffer {
  const hash = createHash('sha256');
  for (const { path, actual } of lacking) hash.update(JSON.stringify([path, actual ?? null], sorted));
  return hash.digest();
}

/** In which order keys were reported makes no difference. */
function sorted(_: string, value: unknown): unknown {
  return isMapping(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value;
}

const unreadable = Symbol('unreadable');

function merged(files: Files): unknown {
  let whole: unknown;
  for (const name of Object.keys(files).toSorted()) {
    try {
      const { document } = parseYaml(files[name]!.replaceAll(redaction, redacted));
      if (document.errors.length > 0) return unreadable;
      resolveAliases(document, aliasAllowance, refuse);
      const part: unknown = document.toJS();
      whole = overlaid(whole, part ?? undefined);
    } catch {
      return unreadable;
    }
  }
  return whole;
}

function refuse(_node: unknown, reason: string): never {
  throw new Error(reason);
}

/** `under` is written to. */
function overlaid(under: unknown, over: unknown): unknown {
  if (over === undefined) return under;
  if (!isMapping(under) || !isMapping(over)) return over;
  for (const [key, value] of Object.entries(over)) {
    const known = Object.hasOwn(under, key) ? under[key] : undefined;
    Object.defineProperty(under, key, {
      value: overlaid(known, value),
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
  return under;
}

/** What one comparison found, and how much of it is left to do. */
class Comparison {
  readonly lacking: Difference[] = [];
  #left = mostComparisons;

  /** Throws if lists are too long to look for each item in the other. */
  compare(expected: unknown, actual: unknown, path: readonly string[], lacking = this.lacking): void {
    if (isMapping(expected) && isMapping(actual)) {
      for (const [key, value] of Object.entries(expected)) {
        const inner = [...path, key];
        if (Object.hasOwn(actual, key)) this.compare(value, actual[key], inner, lacking);
        else if (!mayBeLeftOut(value, inner)) lacking.push({ path: pathText(inner), actual: undefined });
      }
    } else if (!this.#isThere(expected, actual, path)) lacking.push({ path: pathText(path), actual });
  }

  #isThere(expected: unknown, actual: unknown, path: readonly string[]): boolean {
    if (--this.#left < 0) throw new Error('lists are too long to compare');
    if (typeof actual === 'string' && actual.includes(redacted)) return true;
    if (isNothing(expected)) return isNothing(actual) || isMapping(actual);
    if (typeof expected === 'string' && expected.includes('${')) return true;
    if (Array.isArray(expected)) return Array.isArray(actual) && this.#areThere(expected, actual, path);
    if (isMapping(expected)) {
      if (actual === null) return expected['enabled'] === false;
      const mapping = isMapping(actual) ? actual : byName(actual);
      if (mapping === null) return false;
      const lacking: Difference[] = [];
      this.compare(expected, mapping, path, lacking);
      return lacking.length === 0;
    }
    // One item where a list is read.
    const single: unknown = Array.isArray(actual) && actual.length === 1 ? actual[0] : actual;
    return typeof single !== 'object' && areAlike(String(expected), String(single));
  }

  /** Lists are the same element by element, but where supervisors add their own. */
  #areThere(expected: readonly unknown[], actual: readonly unknown[], path: readonly string[]): boolean {
    const isOpen = path[0] === 'service' && (path[1] === 'extensions' || path[1] === 'telemetry');
    if (isOpen) return expected.every((item) => actual.some((other) => this.#isThere(item, other, path)));
    return (
      expected.length === actual.length &&
      expected.every((item, index) => this.#isThere(item, actual[index], path))
    );
  }
}

function pathText(path: readonly string[]): string {
  return path.map((key) => key.slice(0, longestKey)).join('.');
}

/** Collectors write what they have read in their own way: `None` for none, `1m0s` for 60s. */
function areAlike(expected: string, actual: string): boolean {
  if (expected.toLowerCase() === actual.toLowerCase()) return true;
  const duration = nanoseconds(expected);
  return duration !== null && duration === nanoseconds(actual);
}

const nanosecondsOf: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** A duration as Go reads it; null: it is none. */
function nanoseconds(text: string): number | null {
  if (text.length > longestDuration || !/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return null;
  const parts = [...text.matchAll(/([\d.]+)([a-zµ]+)/g)];
  return Math.round(parts.reduce((sum, [, count, unit]) => sum + Number(count) * nanosecondsOf[unit!]!, 0));
}

/**
 * Collectors leave out members of a component that have the zero value of their type; that of a level is
 * basic. Components themselves they never leave out.
 */
function mayBeLeftOut(expected: unknown, path: readonly string[]): boolean {
  if (path.length < 3 || (path[0] === 'service' && path[1] !== 'telemetry')) return false;
  if (Array.isArray(expected)) return expected.length === 0;
  return (
    expected !== null &&
    /^(?:|0|false|0s|basic)$/i.test(typeof expected === 'object' ? 'x' : String(expected))
  );
}

/** `[{name, value}…]` as a mapping, which some members are read from; null: it is none. */
function byName(list: unknown): Record<string, unknown> | null {
  if (!Array.isArray(list)) return null;
  const pairs = list.map((item: unknown) =>
    isMapping(item) && typeof item['name'] === 'string' ? item : null,
  );
  return pairs.includes(null)
    ? null
    : Object.fromEntries(pairs.map((item) => [item!['name'], item!['value']]));
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNothing(value: unknown): boolean {
  return value === null || value === undefined || (isMapping(value) && Object.keys(value).length === 0);
}
