export interface DiffLine {
  kind: 'same' | 'added' | 'removed';
  text: string;
  /** Line number before; null for an added line. */
  before: number | null;
  /** Line number after; null for a removed line. */
  after: number | null;
}

/** Texts further apart are shown as one replaced by the other: the search costs the square of it. */
const maxEdits = 2_000;
/** Lines that are compared before that: the page answers nobody meanwhile. */
const maxSteps = 5_000_000;

/** The fewest added and removed lines that lead from one text to the other (Myers' greedy search). */
export function diffLines(before: string, after: string): DiffLine[] {
  const from = splitLines(before);
  const to = splitLines(after);
  const trace = searchEdits(...numbered(from, to));
  return trace ? walkBack(from, to, trace) : [...removed(from), ...added(to)];
}

function splitLines(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
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

const removed = (lines: string[]) =>
  lines.map((text, index): DiffLine => ({ kind: 'removed', text, before: index + 1, after: null }));
const added = (lines: string[]) =>
  lines.map((text, index): DiffLine => ({ kind: 'added', text, before: null, after: index + 1 }));

/** How far each diagonal (x - y) reaches with a number of edits. */
class Frontier {
  readonly #reach: Int32Array;
  readonly #edits: number;

  constructor(edits: number, reach = new Int32Array(2 * edits + 3)) {
    this.#edits = edits;
    this.#reach = reach;
  }

  get(diagonal: number): number {
    return this.#reach[this.#edits + 1 + diagonal] ?? 0;
  }

  set(diagonal: number, x: number): void {
    this.#reach[this.#edits + 1 + diagonal] = x;
  }

  /** A copy that has room for one more edit. */
  grown(): Frontier {
    const reach = new Int32Array(this.#reach.length + 2);
    reach.set(this.#reach, 1);
    return new Frontier(this.#edits + 1, reach);
  }

  /** Is the diagonal reached by adding a line, rather than by removing one? */
  isReachedByAdding(diagonal: number): boolean {
    if (diagonal === -this.#edits) return true;
    return diagonal !== this.#edits && this.get(diagonal - 1) < this.get(diagonal + 1);
  }
}

/** The frontier before each edit, up to the number of edits that suffices; null: that takes too much. */
function searchEdits(from: Uint32Array, to: Uint32Array): Frontier[] | null {
  const trace: Frontier[] = [];
  let steps = 0;
  let frontier = new Frontier(0);
  for (let edits = 0; edits <= maxEdits; edits++) {
    trace.push(frontier);
    const next = frontier.grown();
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      let x = frontier.isReachedByAdding(diagonal)
        ? frontier.get(diagonal + 1)
        : frontier.get(diagonal - 1) + 1;
      const start = x;
      while (x < from.length && x - diagonal < to.length && from[x] === to[x - diagonal]) x++;
      steps += x - start + 1;
      next.set(diagonal, x);
      if (x >= from.length && x - diagonal >= to.length) return trace;
    }
    if (steps > maxSteps) return null;
    frontier = next;
  }
  return null;
}

function walkBack(from: string[], to: string[], trace: Frontier[]): DiffLine[] {
  const lines: DiffLine[] = [];
  let x = from.length;
  let y = to.length;
  for (let edits = trace.length - 1; edits >= 0; edits--) {
    const frontier = trace[edits] as Frontier;
    const diagonal = x - y;
    const adding = frontier.isReachedByAdding(diagonal);
    const startX = edits === 0 ? 0 : frontier.get(adding ? diagonal + 1 : diagonal - 1);
    const startY = edits === 0 ? 0 : startX - (adding ? diagonal + 1 : diagonal - 1);
    for (; x > startX && y > startY; x--, y--) {
      lines.push({ kind: 'same', text: from[x - 1] ?? '', before: x, after: y });
    }
    if (edits === 0) break;
    if (adding) lines.push({ kind: 'added', text: to[y - 1] ?? '', before: null, after: y });
    else lines.push({ kind: 'removed', text: from[x - 1] ?? '', before: x, after: null });
    x = startX;
    y = startY;
  }
  return lines.toReversed();
}

/** Changed lines with some lines around them; `hidden` counts the unchanged lines left out before the hunk. */
export interface Hunk {
  hidden: number;
  lines: DiffLine[];
}

/** A diff without the long unchanged stretches. Unchanged lines after the last hunk are left out. */
export function toHunks(lines: DiffLine[], context = 3): Hunk[] {
  const changed = lines.flatMap((line, index) => (line.kind === 'same' ? [] : [index]));
  const hunks: Hunk[] = [];
  let end = 0;
  for (const index of changed) {
    const start = Math.max(end, index - context);
    const current = hunks.at(-1);
    if (current && start <= end) {
      current.lines.push(...lines.slice(end, index + context + 1));
    } else {
      hunks.push({ hidden: start - end, lines: lines.slice(start, index + context + 1) });
    }
    end = Math.max(end, Math.min(lines.length, index + context + 1));
  }
  return hunks;
}
