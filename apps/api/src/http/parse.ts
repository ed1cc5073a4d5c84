import { z } from 'zod';
import { InvalidRequest, type FieldError } from './errors.ts';

/** Deeper nesting than this is no document that anybody wrote. */
const maxDepth = 32;
/** Wrong fields that an answer names; of the others it tells how many there are. */
const mostErrors = 50;
/** Characters of a field's path in an answer: its names are what the client sent. */
const longestPath = 256;

/**
 * What a request brought, checked and typed.
 *
 * @param whole what to call the input where an error is about all of it
 * @throws InvalidRequest naming each field that is wrong
 */
export function parse<S extends z.ZodType>(schema: S, input: unknown, whole = 'body'): z.output<S> {
  const unstorable = findUnstorable(input, whole);
  if (unstorable) throw new InvalidRequest(unstorable);
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const [first, ...others] = issues.slice(0, mostErrors).map((issue) => toFieldError(issue, whole));
  const left = issues.length - mostErrors;
  if (left > 0) others.push({ field: whole, detail: `and ${left} more that are wrong` });
  throw new InvalidRequest(first!, ...others);
}

function toFieldError(issue: z.core.$ZodIssue, whole: string): FieldError {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return { field: clip([...path, issue.keys[0]!].join('.')), detail: 'is not known here' };
  }
  return { field: clip(path.join('.')) || whole, detail: issue.message };
}

function clip(path: string): string {
  return path.length > longestPath ? `${path.slice(0, longestPath)}…` : path;
}

/** A value in its place; the way to it is put together only when it is told. */
interface Place {
  value: unknown;
  key: string;
  parent: Place | null;
  depth: number;
}

/** The first text that PostgreSQL could not keep (NUL, half a surrogate pair), or nesting that is too deep. */
function findUnstorable(input: unknown, whole: string): FieldError | null {
  const open: Place[] = [{ value: input, key: '', parent: null, depth: 0 }];
  for (let place = open.pop(); place; place = open.pop()) {
    const { value, depth } = place;
    if (depth > maxDepth)
      return { field: clip(pathOf(place)[0]!), detail: `is nested deeper than ${maxDepth} levels` };
    if (typeof value === 'string' && !isStorable(value))
      return { field: clip(pathOf(place).join('.')) || whole, detail: 'holds text that is not valid' };
    if (typeof value !== 'object' || value === null) continue;
    for (const key of Object.keys(value)) {
      if (!isStorable(key))
        return {
          field: clip(pathOf(place).join('.')) || whole,
          detail: 'holds a key that is not valid text',
        };
      const child = (value as Record<string, unknown>)[key];
      open.push({ value: child, key, parent: place, depth: depth + 1 });
    }
  }
  return null;
}

function pathOf(place: Place): string[] {
  const path: string[] = [];
  for (let at = place; at.parent; at = at.parent) path.unshift(at.key);
  return path;
}

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

const emptyToAbsent = (value: unknown) => (value === '' ? undefined : value);

/** An optional text parameter; empty counts as not given. */
export const textParameter = z.preprocess(emptyToAbsent, z.string().max(4096).optional());

/** Parameters of every list. */
export const listParameters = {
  limit: z.coerce
    .number('must be a whole number from 1 to 500')
    .int('must be a whole number from 1 to 500')
    .min(1, 'must be a whole number from 1 to 500')
    .max(500, 'must be a whole number from 1 to 500')
    .default(50)
    .meta({ description: 'How many items at most.' }),
  after: textParameter.meta({ description: 'The `next` of the page before.' }),
};

export const listQuery = z.strictObject(listParameters);

const idText = z.guid('must be a UUID').transform((id) => id.toLowerCase());

/** A UUID from a path. */
export function parseId(text: string, field = 'id'): string {
  const parsed = idText.safeParse(text);
  if (!parsed.success) throw new InvalidRequest({ field, detail: 'must be a UUID' });
  return parsed.data;
}

/** A name from a path; whether anything is called so is for the service to say. */
export function parseName(text: string): string {
  return parse(z.string().min(1).max(256), text, 'name');
}

/** The number of a configuration's version. */
export const versionNumber = z.coerce
  .number('must be the number of a version')
  .int('must be the number of a version')
  .min(1, 'must be the number of a version')
  .max(2_147_483_647, 'must be the number of a version');
