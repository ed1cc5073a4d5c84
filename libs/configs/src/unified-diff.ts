const contextLines = 3;
/** Beyond this many line pairs the changed middle is shown as replaced whole, to bound time and memory. */
const maxComparisons = 16_000_000;

/** How diffs call a file that is not there. */
const absent = '/dev/null';

type Edit = { kind: ' ' | '-' | '+'; line: string };

/**
 * The difference of two texts in unified format, three lines of context; empty when they are equal. Null is no
 * text at all, which is something else than an empty one. `␍` at the end of a changed line is a carriage return.
 */
export function unifiedDiff(
  beforeName: string,
  before: string | null,
  afterName: string,
  after: string | null,
): string {
  const edits = editScript(toLines(before ?? ''), toLines(after ?? ''));
  const hunks = formatHunks(edits, hunkRanges(edits));
  if (hunks.length === 0 && (before === null) === (after === null)) return '';
  return [
    `--- ${before === null ? absent : beforeName}`,
    `+++ ${after === null ? absent : afterName}`,
    ...hunks,
    '',
  ].join('\n');
}

function toLines(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  else lines.push(`${lines.pop()}\n\\ No newline at end of file`);
  return lines;
}

function editScript(before: string[], after: string[]): Edit[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let tail = 0;
  const most = Math.min(before.length, after.length) - start;
  while (tail < most && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  return [
    ...before.slice(0, start).map(same),
    ...middleEdits(before.slice(start, before.length - tail), after.slice(start, after.length - tail)),
    ...before.slice(before.length - tail).map(same),
  ];
}

function same(line: string): Edit {
  return { kind: ' ', line };
}

/** Edits by the longest common subsequence of lines. */
function middleEdits(before: string[], after: string[]): Edit[] {
  if (before.length * after.length > maxComparisons) {
    return [
      ...before.map((line): Edit => ({ kind: '-', line })),
      ...after.map((line): Edit => ({ kind: '+', line })),
    ];
  }
  const common = commonLengths(...numbered(before, after));
  const width = after.length + 1;
  const edits: Edit[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      edits.push(same(before[i]!));
      i++;
      j++;
    } else if (
      j === after.length ||
      (i < before.length && common[(i + 1) * width + j]! >= common[i * width + j + 1]!)
    ) {
      edits.push({ kind: '-', line: before[i++]! });
    } else {
      edits.push({ kind: '+', line: after[j++]! });
    }
  }
  return edits;
}

/** A number for each line, the same for the same ones: long lines that begin alike take long to compare. */
function numbered(before: string[], after: string[]): [Uint32Array, Uint32Array] {
  const numbers = new Map<string, number>();
  const numberOf = (line: string): number => {
    const known = numbers.get(line) ?? numbers.size;
    numbers.set(line, known);
    return known;
  };
  return [Uint32Array.from(before, numberOf), Uint32Array.from(after, numberOf)];
}

/** At [i, j]: how many lines `before` from i and `after` from j have in common, in order. */
function commonLengths(before: Uint32Array, after: Uint32Array): Uint32Array {
  const width = after.length + 1;
  const lengths = new Uint32Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        before[i] === after[j]
          ? lengths[(i + 1) * width + j + 1]! + 1
          : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!);
    }
  }
  return lengths;
}

/** Ranges of edits to show: changes with their context, joined where contexts meet. */
function hunkRanges(edits: Edit[]): [start: number, end: number][] {
  const ranges: [number, number][] = [];
  for (const [index, edit] of edits.entries()) {
    if (edit.kind === ' ') continue;
    const last = ranges.at(-1);
    const end = Math.min(edits.length, index + contextLines + 1);
    if (last && index - contextLines <= last[1]) last[1] = end;
    else ranges.push([Math.max(0, index - contextLines), end]);
  }
  return ranges;
}

function formatHunks(edits: Edit[], ranges: readonly [start: number, end: number][]): string[] {
  const before = { '-': 0, '+': 0 };
  let counted = 0;
  return ranges.map(([start, end]) => {
    for (; counted < start; counted++) {
      const { kind } = edits[counted]!;
      if (kind !== '+') before['-']++;
      if (kind !== '-') before['+']++;
    }
    const hunk = edits.slice(start, end);
    const position = (sign: '-' | '+'): string => {
      const { length } = hunk.filter(({ kind }) => kind === ' ' || kind === sign);
      return `${sign}${length === 0 ? before[sign] : before[sign] + 1},${length}`;
    };
    const lines = hunk.map(
      ({ kind, line }) => kind + (kind === ' ' ? line : line.replace(/\r(?=\n|$)/, '␍')),
    );
    return [`@@ ${position('-')} ${position('+')} @@`, ...lines].join('\n');
  });
}
