import { expect, test } from 'vitest';
import { parseUnifiedDiff } from './unified-diff.ts';

const signs = { same: ' ', added: '+', removed: '-' };

test('files, hunks and the numbers of their lines are read', () => {
  const text = [
    '--- now',
    '+++ then',
    '@@ -1,4 +1,3 @@',
    ' a',
    '-b',
    '+B',
    ' c',
    '-d',
    '@@ -11,2 +10,3 @@',
    ' j',
    '+new',
    ' k',
    '--- now extra.yaml',
    '+++ then extra.yaml',
    '@@ -0,0 +1 @@',
    '+only',
    '\\ No newline at end of file',
    '',
  ].join('\n');
  const files = parseUnifiedDiff(text);
  expect(files.map(({ before, after }) => [before, after])).toEqual([
    ['now', 'then'],
    ['now extra.yaml', 'then extra.yaml'],
  ]);
  expect(files[0]?.hunks.map(({ hidden }) => hidden)).toEqual([0, 6]);
  expect(files[0]?.hunks[1]?.lines).toEqual([
    { kind: 'same', text: 'j', before: 11, after: 10 },
    { kind: 'added', text: 'new', before: null, after: 11 },
    { kind: 'same', text: 'k', before: 12, after: 12 },
  ]);
  expect(files[1]?.hunks).toEqual([
    { hidden: 0, lines: [{ kind: 'added', text: 'only', before: null, after: 1 }] },
  ]);
});

test('text that looks like the head of a file stays text', () => {
  const text = '--- now\n+++ then\n@@ -1,2 +1,2 @@\n--- a\n-@@ -1 +1 @@\n+++ b\n+@@ -2 +2 @@\n';
  const [file, ...others] = parseUnifiedDiff(text);
  expect(others).toEqual([]);
  expect(file?.hunks.flatMap(({ lines }) => lines.map(({ kind, text: line }) => signs[kind] + line))).toEqual(
    ['--- a', '-@@ -1 +1 @@', '+++ b', '+@@ -2 +2 @@'],
  );
});

test('no difference is no file', () => {
  expect(parseUnifiedDiff('')).toEqual([]);
});
