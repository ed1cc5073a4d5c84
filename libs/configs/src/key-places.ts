import { isMap, isScalar, isSeq, visit } from 'yaml';
import { hasErrors } from './problem.ts';
import { resolved } from './yaml-aliases.ts';
import { parseYaml, yamlProblems, type YamlText } from './yaml-text.ts';

/** Where a key is. */
export interface KeyPlace {
  /** How many keys of the path there are: the place is that of the last of them. */
  readonly depth: number;
  readonly line: number | null;
  readonly column: number | null;
}

/**
 * Of files in the order they are merged, the one that has most keys of a path, the later of two, and the place there.
 * Without any key: no place, and file "" unless there is just one.
 */
export function findInFiles(
  files: readonly { readonly file: string; readonly keys: KeyPlaces }[],
  path: readonly string[],
): KeyPlace & { file: string } {
  const only = files.length === 1 ? files[0]!.file : '';
  let found: KeyPlace & { file: string } = { file: only, depth: 0, line: null, column: null };
  for (const { file, keys } of files) {
    const place = keys.find(path);
    if (place.depth > 0 && place.depth >= found.depth) found = { ...place, file };
  }
  return found;
}

/** Finds keys by their paths in a text, which may be broken; the collector's `${…}` too. */
export class KeyPlaces {
  readonly #yaml: YamlText;

  constructor(text: string) {
    this.#yaml = parseYaml(text);
  }

  /** Is the text YAML, and no key of a mapping there twice? */
  get isSound(): boolean {
    return !hasErrors(yamlProblems(this.#yaml));
  }

  /** The place of the last key of the path that there is; depth 0: none is. */
  find(path: readonly string[]): KeyPlace {
    const { depth, offset } = this.#walk(path);
    return { depth, ...this.#at(offset) };
  }

  /** Does the collector put values in at this path, above it or below? */
  isOpen(path: readonly string[]): boolean {
    let isOpen = false;
    const { node } = this.#walk(path);
    if (isScalar(node)) return isReference(node.value);
    if (isMap(node) || isSeq(node)) {
      visit(node, { Scalar: (key, { value }) => void (isOpen ||= key !== 'key' && isReference(value)) });
    }
    return isOpen;
  }

  /** The first value that refers to this, as in `${file:/x}`; null: none does. */
  findReference(name: string): KeyPlace | null {
    let offset: number | undefined;
    visit(this.#yaml.document, {
      Scalar(_key, { value, range }) {
        if (typeof value !== 'string' || !value.includes(`\${${name}}`)) return undefined;
        offset = range?.[0];
        return visit.BREAK;
      },
    });
    return offset === undefined ? null : { depth: 0, ...this.#at(offset) };
  }

  /** Where what is written in a line begins. The line counts from 1. */
  beginOf(line: number): KeyPlace | null {
    const text = this.#yaml.text.split('\n')[line - 1];
    return text === undefined ? null : { depth: 0, line, column: Math.max(text.search(/\S/), 0) + 1 };
  }

  #walk(path: readonly string[]): { node: unknown; depth: number; offset: number | undefined } {
    let node: unknown = this.#yaml.document.contents;
    let offset: number | undefined;
    for (const [depth, name] of path.entries()) {
      const found = this.#member(node, name);
      if (!found) return { node, depth, offset };
      offset = found.offset ?? offset;
      node = found.value;
    }
    return { node, depth: path.length, offset };
  }

  #member(parent: unknown, name: string): { value: unknown; offset: number | undefined } | null {
    const node = resolved(this.#yaml.document, parent);
    if (isSeq(node)) {
      const item = /^\d+$/.test(name) ? node.items[Number(name)] : undefined;
      return item === undefined ? null : { value: item, offset: (item as { range?: number[] }).range?.[0] };
    }
    const pair = isMap(node) && node.items.find(({ key }) => isScalar(key) && String(key.value) === name);
    return pair && isScalar(pair.key) ? { value: pair.value, offset: pair.key.range?.[0] } : null;
  }

  #at(offset: number | undefined): { line: number | null; column: number | null } {
    const place = offset === undefined ? null : this.#yaml.lines.linePos(offset);
    return { line: place?.line ?? null, column: place?.col ?? null };
  }
}

/** `${env:X}`, `${X}`, `$X`; two dollars are one dollar. */
function isReference(value: unknown): boolean {
  return typeof value === 'string' && /\$(?:\{|[A-Za-z_])/.test(value.replaceAll('$$', ''));
}
