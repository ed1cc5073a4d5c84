import { expect, test } from 'vitest';
import { agentsPath, hasFilters, noFilters, readFilters, writeFilters } from './agent-filters.ts';

test('filters survive the way through the URL', () => {
  const filters = {
    selector: 'env=prod,region in (eu-1,us-1)',
    search: 'a&b',
    status: 'connected' as const,
    fleet: 'edge',
    finding: 'credentials' as const,
  };
  expect(readFilters(writeFilters(new URLSearchParams(), filters))).toEqual(filters);
});

test('other filters begin at the first page and leave other parameters alone', () => {
  const written = writeFilters(new URLSearchParams('after=abc&fleet=edge&tab=x'), noFilters);
  expect(written.toString()).toBe('tab=x');
});

test('empty values and unknown statuses and findings filter nothing', () => {
  const filters = readFilters(new URLSearchParams('status=sleeping&search=&fleet=&finding=gold'));
  expect(filters).toEqual(noFilters);
  expect(hasFilters(filters)).toBe(false);
});

test('a link to filtered agents leaves out what is not set', () => {
  expect(agentsPath({ fleet: 'edge', status: null })).toBe('/agents?fleet=edge');
});
