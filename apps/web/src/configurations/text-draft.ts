import type { ConfigurationText } from './version-text.ts';

/** A version's text while it is edited. Ids tell rows apart while their names are typed. */
export interface TextDraft {
  body: string;
  files: FileDraft[];
  /** In the order they are merged. */
  overlays: OverlayDraft[];
}

export interface FileDraft {
  id: number;
  name: string;
  text: string;
}

export interface OverlayDraft {
  id: number;
  selector: string;
  file: string;
  body: string;
}

export function toDraft({ body, files, overlays }: ConfigurationText): TextDraft {
  return {
    body,
    files: Object.entries(files)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([name, text], id) => ({ id, name, text })),
    overlays: overlays.map((overlay, id) => ({ id, ...overlay })),
  };
}

/** The text to save; or what keeps it from being one. */
export function fromDraft({ body, files, overlays }: TextDraft): ConfigurationText | { error: string } {
  const named = files.map(({ name, text }) => [name.trim(), text] as const);
  if (named.some(([name]) => name === '')) return { error: 'A file has no name.' };
  const twice = named.find(([name], index) => named.findIndex(([other]) => other === name) < index);
  if (twice) return { error: `The file "${twice[0]}" is there twice.` };
  return {
    body,
    files: Object.fromEntries(named),
    overlays: overlays.map(({ selector, file, body: overlayBody }) => ({
      selector: selector.trim(),
      file: file.trim(),
      body: overlayBody,
    })),
  };
}

/** A row more at the end. */
export function added<Row>(rows: (Row & { id: number })[], row: Row): (Row & { id: number })[] {
  return [...rows, { ...row, id: Math.max(-1, ...rows.map(({ id }) => id)) + 1 }];
}

/** A file under another name; overlays of it go along. */
export function renameFile(draft: TextDraft, id: number, name: string): TextDraft {
  const before = draft.files.find((file) => file.id === id)?.name ?? '';
  const follows = (file: string) => before.trim() !== '' && file === before.trim();
  return {
    ...draft,
    files: draft.files.map((file) => (file.id === id ? { ...file, name } : file)),
    overlays: draft.overlays.map((overlay) =>
      follows(overlay.file) ? { ...overlay, file: name.trim() } : overlay,
    ),
  };
}

/** A row one place earlier (-1) or later (1); the first and the last stay. */
export function moved<Row>(rows: Row[], index: number, by: -1 | 1): Row[] {
  const other = index + by;
  const [row, neighbour] = [rows[index], rows[other]];
  if (row === undefined || neighbour === undefined) return rows;
  return rows.with(index, neighbour).with(other, row);
}
