import { expect, test } from 'vitest';
import { diffLines, toHunks, type DiffLine } from './line-diff.ts';

const signs = { same: ' ', added: '+', removed: '-' };

function text(lines: DiffLine[]) {
  return lines.map((line) => signs[line.kind] + line.text).join('\n');
}

function side(lines: DiffLine[], left: 'added' | 'removed') {
  return lines.filter((line) => line.kind !== left).map((line) => line.text);
}

test.each([
  ['a\nb\nc\n', 'a\nb\nc\n', ' a\n b\n c'],
  ['', '', ''],
  ['', 'a\nb\n', '+a\n+b'],
  ['a\nb\n', '', '-a\n-b'],
  ['a\nb\nc\n', 'a\nx\nc\n', ' a\n-b\n+x\n c'],
  ['a\nb\n', 'a\nb\nc\n', ' a\n b\n+c'],
  ['b\nc\n', 'a\nb\nc\n', '+a\n b\n c'],
  ['a\nb\nc\na\nb\nb\na\n', 'c\nb\na\nb\na\nc\n', '-a\n-b\n c\n+b\n a\n b\n-b\n a\n+c'],
])('%j → %j', (before, after, expected) => {
  expect(text(diffLines(before, after))).toBe(expected);
});

test('a missing newline at the end is no change', () => {
  expect(text(diffLines('a\nb', 'a\nb\n'))).toBe(' a\n b');
});

test('lines carry their numbers on both sides', () => {
  expect(diffLines('a\nb\n', 'x\nb\n')).toEqual([
    { kind: 'removed', text: 'a', before: 1, after: null },
    { kind: 'added', text: 'x', before: null, after: 1 },
    { kind: 'same', text: 'b', before: 2, after: 2 },
  ]);
});

test('both texts can be read back from any diff', () => {
  let seed = 7;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  const someText = () =>
    Array.from({ length: 1 + Math.floor(random() * 30) }, () => 'abc'[Math.floor(random() * 3)]);
  for (let round = 0; round < 300; round++) {
    const before = someText();
    const after = someText();
    const lines = diffLines(before.join('\n'), after.join('\n'));
    expect(side(lines, 'added')).toEqual(before);
    expect(side(lines, 'removed')).toEqual(after);
  }
});

test('texts with nothing in common beyond the bound are replaced whole', () => {
  const before = Array.from({ length: 1_500 }, (_, i) => `a${i}`);
  const after = Array.from({ length: 1_500 }, (_, i) => `b${i}`);
  const lines = diffLines(before.join('\n'), after.join('\n'));
  expect(side(lines, 'added')).toEqual(before);
  expect(side(lines, 'removed')).toEqual(after);
});

test('hunks keep the lines around changes and count what they hide', () => {
  const before = Array.from({ length: 40 }, (_, i) => `line ${i + 1}`);
  const after = before.with(9, 'changed').with(12, 'changed too').with(35, 'last change');
  const hunks = toHunks(diffLines(before.join('\n'), after.join('\n')), 2);
  expect(hunks.map(({ hidden, lines }) => [hidden, lines[0]?.text, lines.at(-1)?.text])).toEqual([
    [7, 'line 8', 'line 15'],
    [18, 'line 34', 'line 38'],
  ]);
  expect(toHunks(diffLines('a', 'a'))).toEqual([]);
});
