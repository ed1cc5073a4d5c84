import { InvalidRequest } from './errors.ts';

export interface Page<T> {
  items: T[];
  next: string | null;
}

/**
 * A page of a list that is read whole because it is short. `items` are in the ascending order of their
 * keys; a cursor is the key of the last item before it, so it holds when items come and go.
 *
 * @throws InvalidRequest when `after` is not a cursor
 */
export function pageOf<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  { limit, after }: { limit: number; after?: string | undefined },
): Page<T> {
  const from = after === undefined ? null : decodeCursor(after);
  const rest = from === null ? items : items.filter((item) => keyOf(item) > from);
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  return { items: page, next: rest.length > limit && last ? encodeCursor(keyOf(last)) : null };
}

function encodeCursor(key: string): string {
  return Buffer.from(key).toString('base64url');
}

function decodeCursor(cursor: string): string {
  const key = Buffer.from(cursor, 'base64url').toString();
  if (encodeCursor(key) !== cursor) {
    throw new InvalidRequest({ field: 'after', detail: 'is not a cursor of this list' });
  }
  return key;
}
