import { expect, test } from 'vitest';
import { unifiedDiff } from './unified-diff.ts';

const lines = (...items: (string | number)[]): string => items.map((item) => `${item}\n`).join('');

test('equal texts differ in nothing', () => {
  expect(unifiedDiff('a', lines(1, 2), 'b', lines(1, 2))).toBe('');
});

test('a changed line comes with three lines of context and its position', () => {
  expect(unifiedDiff('a', lines(1, 2, 3, 4, 5, 6, 7, 8, 9), 'b', lines(1, 2, 3, 4, 'x', 6, 7, 8, 9))).toBe(
    lines('--- a', '+++ b', '@@ -2,7 +2,7 @@', ' 2', ' 3', ' 4', '-5', '+x', ' 6', ' 7', ' 8'),
  );
});

test('changes far apart are separate hunks, near ones are joined', () => {
  const before = Array.from({ length: 30 }, (_, i) => i + 1);
  const after = before.map((line) => (line === 2 || line === 25 ? `${line}!` : line));
  const hunks = unifiedDiff('a', lines(...before), 'b', lines(...after)).match(/^@@/gm);
  expect(hunks).toHaveLength(2);
  const near = before.map((line) => (line === 10 || line === 14 ? `${line}!` : line));
  expect(unifiedDiff('a', lines(...before), 'b', lines(...near)).match(/^@@/gm)).toHaveLength(1);
});

test('lines added to an empty text, and all lines removed', () => {
  expect(unifiedDiff('a', '', 'b', lines(1, 2))).toContain('@@ -0,0 +1,2 @@\n+1\n+2');
  expect(unifiedDiff('a', lines(1, 2), 'b', '')).toContain('@@ -1,2 +0,0 @@\n-1\n-2');
});

test('moved blocks keep what is common', () => {
  const diff = unifiedDiff('a', lines('a', 'b', 'c', 'd'), 'b', lines('b', 'c', 'x', 'd'));
  expect(diff.split('\n').slice(3, -1)).toEqual(['-a', ' b', ' c', '+x', ' d']);
});

test('a missing newline at the end is a difference and said so', () => {
  expect(unifiedDiff('a', 'x', 'b', 'x\n')).toBe(
    lines('--- a', '+++ b', '@@ -1,1 +1,1 @@', '-x', String.raw`\ No newline at end of file`, '+x'),
  );
});

test('an empty text that came or went is a difference', () => {
  expect(unifiedDiff('a', null, 'b', '')).toBe(lines('--- /dev/null', '+++ b'));
  expect(unifiedDiff('a', '', 'b', null)).toBe(lines('--- a', '+++ /dev/null'));
  expect(unifiedDiff('a', null, 'b', null)).toBe('');
  expect(unifiedDiff('a', null, 'b', 'x\n')).toBe(lines('--- /dev/null', '+++ b', '@@ -0,0 +1,1 @@', '+x'));
});

test('a line that changed in its end alone shows which end it has', () => {
  expect(unifiedDiff('a', 'x\r\ny\r\n', 'b', 'x\ny\r\n')).toBe(
    lines('--- a', '+++ b', '@@ -1,2 +1,2 @@', '-x␍', '+x', ' y\r'),
  );
  expect(unifiedDiff('a', 'x\r', 'b', 'x')).toContain('-x␍\n\\ No newline');
});

test('very large texts with nothing in common end in time', () => {
  const before = Array.from({ length: 20_000 }, (_, i) => `a${i}`);
  const after = Array.from({ length: 20_000 }, (_, i) => `b${i}`);
  expect(unifiedDiff('a', lines(...before), 'b', lines(...after))).toContain('@@ -1,20000 +1,20000 @@');
});
