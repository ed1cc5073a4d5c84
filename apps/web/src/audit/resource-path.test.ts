import { expect, test } from 'vitest';
import { resourcePath } from './resource-path.ts';

test.each([
  ['fleet/edge', '/fleets/edge'],
  ['agent/0199a6b0-0000-7000-8000-000000000001', '/agents/0199a6b0-0000-7000-8000-000000000001'],
  ['configuration/a b', '/configurations/a%20b'],
  ['enrollment-token/1', null],
  ['fleet', null],
  ['fleet/', null],
  ['', null],
])('%j leads to %j', (resource, path) => {
  expect(resourcePath(resource)).toBe(path);
});
