import { isPair, isScalar, isSeq, visit, type Node } from 'yaml';
import { validateFiles, type FileProblem } from './file-problems.ts';
import { structureProblems } from './validate.ts';
import { parseYaml } from './yaml-text.ts';

/** A file as a template made it: see `Template.renderPieces`. */
export interface RenderedFile {
  readonly name: string;
  readonly pieces: readonly string[];
}

/** Of files that differ in words alone. */
interface Shape {
  /** Which of the words name something: what is said of the files depends on these. */
  readonly names: readonly number[];
  /** By those words. 'each': what is said depends on the others too. */
  readonly verdicts: Map<string, FileProblem | null | 'each'>;
}

/** Whatever such a piece says, YAML reads the text around it alike. It is not empty and ends with no colon. */
const word = /^[A-Za-z0-9](?:[\w./@+-]|:(?=[\w./@+-]))*$/;
/** Stands for a word; after a backslash in double quotes it is an error, so that such words are read for themselves. */
const stand = (index: number) => `musterWord${index}x`;
const stands = /musterWord(\d+)x/g;
/** What stands for words is longer than these may be: files of more words are read for themselves. */
const mostWords = 1_000;
/** Characters of shapes that are kept. */
const mostKept = 2_000_000;

/**
 * Looks for what makes rendered files unfit for any collector. Files that differ only in words which name nothing
 * are read as YAML once: to read each of ten thousand would take fifty times as long as to render them.
 */
export class RenderedChecks {
  readonly #shapes = new Map<string, Shape>();
  #kept = 0;

  /** The first error that forbids to hand the files out; null: none. */
  errorIn(files: readonly RenderedFile[]): FileProblem | null {
    const words = files.flatMap(({ pieces }) => pieces.filter((piece) => word.test(piece)));
    if (words.length > mostWords) return firstError(files.map(joined));
    const shape = this.#shape(files);
    const key = shape.names.map((index) => words[index]).join(' ');
    let verdict = shape.verdicts.get(key);
    if (verdict === undefined) {
      verdict = verdictOn(files, new Set(shape.names));
      this.#make(key.length + 100);
      shape.verdicts.set(key, verdict);
    }
    return verdict === 'each' ? firstError(files.map(joined)) : verdict;
  }

  #shape(files: readonly RenderedFile[]): Shape {
    // no text of PostgreSQL has a zero in it
    const key = files
      .map(({ pieces }) => pieces.map((piece) => (word.test(piece) ? '\0w' : piece)).join('\0,'))
      .join('\0;');
    let shape = this.#shapes.get(key);
    if (!shape) {
      shape = { names: namesIn(withStands(files, new Set())), verdicts: new Map() };
      this.#make(key.length + 100);
      this.#shapes.set(key, shape);
    }
    return shape;
  }

  /** Makes room. */
  #make(room: number): void {
    if (this.#kept + room > mostKept) {
      this.#shapes.clear();
      this.#kept = 0;
    }
    this.#kept += room;
  }
}

type TextFile = readonly [name: string, text: string];

function joined({ name, pieces }: RenderedFile): TextFile {
  return [name, pieces.join('')];
}

/** The files with something else in place of each word but these. */
function withStands(files: readonly RenderedFile[], kept: ReadonlySet<number>): TextFile[] {
  let index = -1;
  const text = (piece: string) => {
    if (!word.test(piece)) return piece;
    index++;
    return kept.has(index) ? piece : stand(index);
  };
  return files.map(({ name, pieces }) => [name, pieces.map(text).join('')]);
}

/** An error counts for all of a shape if it is the same without the words. */
function verdictOn(files: readonly RenderedFile[], names: ReadonlySet<number>): FileProblem | null | 'each' {
  const general = firstError(withStands(files, names));
  if (general === null) return null;
  const own = firstError(files.map(joined));
  return own?.message === general.message && own.line === general.line ? own : 'each';
}

function firstError(files: readonly TextFile[]): FileProblem | null {
  const problems = validateFiles(Object.fromEntries(files), structureProblems);
  return problems.find(({ severity }) => severity === 'error') ?? null;
}

/** Words that stand in keys, anchors, aliases, tags, lists of components, or for all of a file. */
function namesIn(files: readonly TextFile[]): number[] {
  const found = new Set<number>();
  const add = (text: unknown) => {
    for (const [, index] of String(text ?? '').matchAll(stands)) found.add(Number(index));
  };
  for (const [, text] of files) {
    const { document } = parseYaml(text);
    let hasAliases = false;
    visit(document, { Alias: () => void (hasAliases = true) });
    visit(document, {
      Node(_key, node, above) {
        add(node.anchor);
        add(node.tag);
        // an alias may make components of any list
        if (isScalar(node) && (isName(node, above) || (isSeq(above.at(-1)) && hasAliases))) add(node.value);
      },
      Alias: (_key, node) => add(node.source),
    });
  }
  return [...found].toSorted((a, b) => a - b);
}

function isName(node: Node, above: readonly unknown[]): boolean {
  const isKey = above.some((each, depth) => isPair(each) && each.key === (above[depth + 1] ?? node));
  if (isKey || above.length === 1) return true;
  const [section, part] = above.flatMap((each) => (isPair(each) ? [String(each.key)] : []));
  return isSeq(above.at(-1)) && section === 'service' && (part === 'pipelines' || part === 'extensions');
}
