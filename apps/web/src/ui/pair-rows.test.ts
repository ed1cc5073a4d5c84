import { expect, test } from 'vitest';
import { fromRows, toRows } from './pair-rows.ts';

test('labels survive editing that changes nothing', () => {
  const labels = { env: 'prod', canary: '' };
  expect(fromRows(toRows(labels), 'label')).toEqual({ pairs: labels });
});

test('spaces around are not meant, empty rows are left out', () => {
  const rows = [
    { id: 0, name: ' env ', value: ' prod ' },
    { id: 1, name: ' ', value: '' },
  ];
  expect(fromRows(rows, 'label')).toEqual({ pairs: { env: 'prod' } });
});

test.each([
  [[{ id: 0, name: '', value: 'prod' }], 'The value "prod" has no variable name.'],
  [
    [
      { id: 0, name: 'env', value: 'a' },
      { id: 1, name: 'env', value: 'b' },
    ],
    'The variable "env" is there twice.',
  ],
])('%j is refused', (rows, error) => {
  expect(fromRows(rows, 'variable')).toEqual({ error });
});
