import { parse } from 'yaml';

/** File name → text. */
export type Files = Readonly<Record<string, string>>;

const pathsKept = 10;
const maxAliases = 1000;
/** What stands for a credential; YAML would read a list. */
const redaction = /\[REDACTED(?::[\w-]*)?\]/g;
const redacted = '(redacted)';

/**
 * Where a reported configuration lacks what was rendered: the first paths, as `exporters.otlp.endpoint`;
 * empty when all of it is there. Files are merged by key in the order of their names. More than was
 * rendered is no difference: supervisors and collectors add their own. Nothing is said of values with
 * references (`${env:NAME}`), which hosts resolve, and of redacted ones. Null: one of them cannot be read.
 */
export function lackingPaths(rendered: Files, reported: Files): string[] | null {
  const expected = merged(rendered);
  const actual = merged(reported);
  if (expected === unreadable || actual === unreadable || actual === undefined) return null;
  const lacking: string[] = [];
  compare(expected, actual, [], lacking);
  return lacking;
}

const unreadable = Symbol('unreadable');

function merged(files: Files): unknown {
  let whole: unknown;
  for (const name of Object.keys(files).toSorted()) {
    try {
      const part: unknown = parse(files[name]!.replaceAll(redaction, redacted), {
        merge: true,
        uniqueKeys: false,
        maxAliasCount: maxAliases,
        logLevel: 'error',
      });
      whole = overlaid(whole, part ?? undefined);
    } catch {
      return unreadable;
    }
  }
  return whole;
}

function overlaid(under: unknown, over: unknown): unknown {
  if (over === undefined) return under;
  if (!isMapping(under) || !isMapping(over)) return over;
  const all = new Map(Object.entries(under));
  for (const [key, value] of Object.entries(over))
    all.set(key, all.has(key) ? overlaid(all.get(key), value) : value);
  return Object.fromEntries(all);
}

function compare(expected: unknown, actual: unknown, path: readonly string[], lacking: string[]): void {
  if (lacking.length >= pathsKept) return;
  if (isMapping(expected) && isMapping(actual)) {
    for (const [key, value] of Object.entries(expected)) {
      if (Object.hasOwn(actual, key)) compare(value, actual[key], [...path, key], lacking);
      else if (lacking.length < pathsKept) lacking.push([...path, key].join('.'));
    }
  } else if (!isThere(expected, actual, path)) lacking.push(path.join('.'));
}

function isThere(expected: unknown, actual: unknown, path: readonly string[]): boolean {
  if (typeof actual === 'string' && actual.includes(redacted)) return true;
  if (isNothing(expected)) return isNothing(actual) || isMapping(actual);
  if (typeof expected === 'string' && expected.includes('${')) return true;
  if (Array.isArray(expected)) return Array.isArray(actual) && areThere(expected, actual, path);
  if (typeof expected !== 'object') return typeof actual !== 'object' && String(expected) === String(actual);
  if (!isMapping(actual)) return false;
  const lacking: string[] = [];
  compare(expected, actual, path, lacking);
  return lacking.length === 0;
}

/** Lists are the same element by element, but where supervisors add their own. */
function areThere(
  expected: readonly unknown[],
  actual: readonly unknown[],
  path: readonly string[],
): boolean {
  const isOpen = path[0] === 'service' && (path[1] === 'extensions' || path[1] === 'telemetry');
  if (isOpen) return expected.every((item) => actual.some((other) => isThere(item, other, path)));
  return (
    expected.length === actual.length && expected.every((item, index) => isThere(item, actual[index], path))
  );
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNothing(value: unknown): boolean {
  return value === null || value === undefined || (isMapping(value) && Object.keys(value).length === 0);
}
