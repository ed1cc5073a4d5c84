import { expect, it } from 'vitest';
import { InvalidRequest } from './errors.ts';
import { pageOf } from './paging.ts';

const key = (name: string) => name;

it('goes through a list once', () => {
  const names = ['a', 'b', 'c', 'd', 'ü'];
  const seen: string[] = [];
  let after: string | undefined;
  do {
    const page = pageOf(names, key, { limit: 2, after });
    seen.push(...page.items);
    after = page.next ?? undefined;
  } while (after !== undefined);
  expect(seen).toEqual(names);
});

it('goes on when items went and came', () => {
  const { next } = pageOf(['a', 'c', 'e'], key, { limit: 2 });
  expect(pageOf(['a', 'b', 'd', 'e'], key, { limit: 2, after: next! })).toEqual({
    items: ['d', 'e'],
    next: null,
  });
});

it('refuses what is no cursor', () => {
  expect(() => pageOf(['a'], key, { limit: 1, after: 'not a cursor!' })).toThrow(InvalidRequest);
});
