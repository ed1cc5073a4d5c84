import { expect, test } from 'vitest';
import { added, fromDraft, moved, renameFile, toDraft } from './text-draft.ts';
import type { ConfigurationText } from './version-text.ts';

const text: ConfigurationText = {
  body: 'a: 1',
  files: { 'b.yaml': 'b: 1', 'c.yaml': 'c: 1' },
  overlays: [
    { selector: 'env=prod', file: 'b.yaml', body: 'b: 2' },
    { selector: '', file: '', body: 'a: 2' },
  ],
};

test('a text survives editing that changes nothing', () => {
  expect(fromDraft(toDraft(text))).toEqual(text);
});

test('overlays follow a file that gets another name, others stay', () => {
  const renamed = renameFile(toDraft(text), 0, 'exporters.yaml');
  expect(fromDraft(renamed)).toEqual({
    ...text,
    files: { 'exporters.yaml': 'b: 1', 'c.yaml': 'c: 1' },
    overlays: [{ ...text.overlays[0], file: 'exporters.yaml' }, text.overlays[1]],
  });
});

test('naming a new file takes no overlay of the body along', () => {
  const draft = toDraft(text);
  const named = renameFile({ ...draft, files: added(draft.files, { name: '', text: '' }) }, 2, 'd.yaml');
  expect(named.overlays).toEqual(draft.overlays);
  expect(named.files.at(-1)).toEqual({ id: 2, name: 'd.yaml', text: '' });
});

test.each([
  [[' ', 'a.yaml'], 'A file has no name.'],
  [['a.yaml', ' a.yaml '], 'The file "a.yaml" is there twice.'],
])('files named %j are refused', (names, error) => {
  const files = names.map((name, id) => ({ id, name, text: '' }));
  expect(fromDraft({ body: '', files, overlays: [] })).toEqual({ error });
});

test('rows move by one place and not beyond the ends', () => {
  expect(moved(['a', 'b', 'c'], 2, -1)).toEqual(['a', 'c', 'b']);
  expect(moved(['a', 'b', 'c'], 0, 1)).toEqual(['b', 'a', 'c']);
  expect(moved(['a', 'b'], 0, -1)).toEqual(['a', 'b']);
  expect(moved(['a', 'b'], 1, 1)).toEqual(['a', 'b']);
});
