import { expect, test } from 'vitest';
import { changedParts, textParts, type ConfigurationText } from './version-text.ts';

const plain: ConfigurationText = { body: 'a: 1\n', files: {}, overlays: [] };

test('parts are the body, the files by name, and the overlays in their order', () => {
  const text: ConfigurationText = {
    body: 'a: 1\n',
    files: { 'z.yaml': 'z: 1', 'b.yaml': 'b: 1' },
    overlays: [
      { selector: 'env=prod', file: 'z.yaml', body: 'z: 2' },
      { selector: '', file: '', body: 'a: 2' },
    ],
  };
  expect(textParts(text).map(({ title }) => title)).toEqual([
    'Body',
    'File b.yaml',
    'File z.yaml',
    'Overlay 1: env=prod → z.yaml',
    'Overlay 2: every agent → body',
  ]);
});

test('a version of files alone has no body', () => {
  expect(textParts({ body: '', files: { 'a.yaml': 'a: 1' }, overlays: [] })).toMatchObject([
    { title: 'File a.yaml', text: 'a: 1' },
  ]);
  expect(textParts({ ...plain, body: '' })).toMatchObject([{ title: 'Body', text: '' }]);
});

test('only what differs is a change; what came or went has one side', () => {
  const after: ConfigurationText = {
    body: 'a: 1\n',
    files: { 'b.yaml': '' },
    overlays: [{ selector: 'os.type=linux', file: '', body: 'a: 2' }],
  };
  expect(changedParts(plain, plain)).toEqual([]);
  expect(changedParts(plain, after)).toMatchObject([
    { title: 'File b.yaml', before: null, after: '' },
    { title: 'Overlay 1: os.type=linux → body', before: null, after: 'a: 2' },
  ]);
  expect(changedParts(after, plain).map(({ before, after: now }) => [before, now])).toEqual([
    ['', null],
    ['a: 2', null],
  ]);
});

test('an overlay that moved is compared with itself', () => {
  const [first, second, third] = ['a=1', 'b=1', 'c=1'].map((selector) => ({
    selector,
    file: '',
    body: selector,
  }));
  const before: ConfigurationText = { ...plain, overlays: [first!, second!, third!] };
  const after: ConfigurationText = { ...plain, overlays: [third!, { ...second!, body: 'b=2' }] };
  expect(changedParts(before, after)).toMatchObject([
    { title: 'Overlay 1: c=1 → body', before: 'c=1', after: 'c=1', movedFrom: 'Overlay 3: c=1 → body' },
    { title: 'Overlay 2: b=1 → body', before: 'b=1', after: 'b=2', movedFrom: 'Overlay 2: b=1 → body' },
    { title: 'Overlay 1: a=1 → body', before: 'a=1', after: null, movedFrom: null },
  ]);
});

test('one that only counts up because another came before it has not moved', () => {
  const [first, second] = ['a=1', 'b=1'].map((selector) => ({ selector, file: '', body: selector }));
  const changes = changedParts({ ...plain, overlays: [second!] }, { ...plain, overlays: [first!, second!] });
  expect(changes.map(({ title }) => title)).toEqual(['Overlay 1: a=1 → body']);
});
