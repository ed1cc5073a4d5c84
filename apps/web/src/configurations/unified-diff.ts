import type { DiffLine, Hunk } from './line-diff.ts';

/** The difference of one file; titles are those of the two sides. */
export interface FileDiff {
  before: string;
  after: string;
  hunks: Hunk[];
}

const hunkHead = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;
const kinds: Record<string, DiffLine['kind']> = { ' ': 'same', '+': 'added', '-': 'removed' };

/** Reads a diff in unified format, of any number of files. */
export function parseUnifiedDiff(text: string): FileDiff[] {
  const files: FileDiff[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length;) {
    const head = hunkHead.exec(lines[at] ?? '');
    if (head) at = readHunk(files.at(-1), head, lines, at + 1);
    else {
      if (lines[at]?.startsWith('--- ')) {
        const after = (lines[at + 1] ?? '').slice('+++ '.length);
        files.push({ before: (lines[at] ?? '').slice('--- '.length), after, hunks: [] });
        at++;
      }
      at++;
    }
  }
  return files;
}

/** Reads a hunk by its counts, since a line of its text may look like anything; answers what is next. */
function readHunk(file: FileDiff | undefined, head: RegExpExecArray, lines: string[], start: number): number {
  const [, beforeStart, beforeCount = '1', afterStart, afterCount = '1'] = head;
  let [left, right] = [Number(beforeCount), Number(afterCount)];
  // A side without lines is placed after the line it names.
  let before = Number(beforeStart) + (left === 0 ? 1 : 0);
  let after = Number(afterStart) + (right === 0 ? 1 : 0);
  const seen = file?.hunks.flatMap((hunk) => hunk.lines).findLast((line) => line.after !== null)?.after ?? 0;
  const hunk: Hunk = { hidden: Math.max(0, after - 1 - seen), lines: [] };
  let at = start;
  for (; at < lines.length && (left > 0 || right > 0); at++) {
    const line = lines[at] ?? '';
    const kind = kinds[line[0] ?? ' '];
    if (!kind) continue;
    hunk.lines.push({
      kind,
      text: line.slice(1),
      before: kind === 'added' ? null : before++,
      after: kind === 'removed' ? null : after++,
    });
    if (kind !== 'added') left--;
    if (kind !== 'removed') right--;
  }
  file?.hunks.push(hunk);
  return at;
}
