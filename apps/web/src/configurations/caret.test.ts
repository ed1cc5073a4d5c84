import { expect, test } from 'vitest';
import { caretOffset } from './caret.ts';

const text = 'receivers:\n  otlp:\n\nservice: {}';

test.each([
  [1, 1, 0],
  [2, 3, 13],
  [3, 1, 19],
  [4, 10, 29],
  [2, 99, 18],
  [99, 1, 20],
  [0, 0, 0],
])('line %i column %i is offset %i', (line, column, offset) => {
  expect(caretOffset(text, line, column)).toBe(offset);
});
