import {
  Kind,
  visit,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type SelectionSetNode,
} from 'graphql/index.js';
import { QueryTooComplex } from '../http/errors.ts';

/** Room for the usual introspection query, and twice what the UI needs. */
export const maxDepth = 15;
/** Selections that are looked at in all, each fragment anew wherever it is spread. */
const maxSelections = 10_000;
/** Names under which one object may be asked for one field. */
const maxAliases = 10;
/** Times that one name of an answer may be asked for at one place. */
const maxRepeats = 30;

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

/**
 * Refuses documents whose answer is larger than they are: fragments that spread themselves, spreads of spreads,
 * one field under many names. Needs no schema, so it may come before validation.
 *
 * @throws QueryTooComplex
 */
export function checkShape(document: DocumentNode): void {
  const fragments = new Map(
    document.definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition] as const] : [],
    ),
  );
  refuseCycles(fragments);
  const shape = new Shape(fragments);
  for (const definition of document.definitions) {
    // fragments on their own too: they are validated whether they are spread or not
    if ('selectionSet' in definition) shape.measure([definition.selectionSet], 1);
  }
}

function refuseCycles(fragments: Fragments): void {
  const spreads = new Map([...fragments].map(([name, fragment]) => [name, spreadsIn(fragment)]));
  const done = new Set<string>();
  const open = new Set<string>();
  const follow = (name: string) => {
    if (open.has(name)) throw new QueryTooComplex(`the fragment ${name} spreads itself`);
    if (done.has(name)) return;
    open.add(name);
    for (const spread of spreads.get(name) ?? []) follow(spread);
    open.delete(name);
    done.add(name);
  };
  for (const name of fragments.keys()) follow(name);
}

function spreadsIn(fragment: FragmentDefinitionNode): Set<string> {
  const names = new Set<string>();
  visit(fragment, { FragmentSpread: ({ name }) => void names.add(name.value) });
  return names;
}

class Shape {
  readonly #fragments: Fragments;
  #selections = 0;

  constructor(fragments: Fragments) {
    this.#fragments = fragments;
  }

  /** Measures what is selected of one object; `sets` are merged, as execution does. */
  measure(sets: readonly SelectionSetNode[], depth: number): void {
    if (depth > maxDepth) throw new QueryTooComplex(`the operation nests deeper than ${maxDepth} levels`);
    const byAnswer = new Map<string, FieldNode[]>();
    for (const set of sets) this.#collect(set, byAnswer);
    const aliases = new Map<string, number>();
    for (const [answer, nodes] of byAnswer) {
      const name = nodes[0]!.name.value;
      const names = (aliases.get(name) ?? 0) + 1;
      aliases.set(name, names);
      if (names > maxAliases)
        throw new QueryTooComplex(`the field ${name} is asked for under more than ${maxAliases} names`);
      if (nodes.length > maxRepeats)
        throw new QueryTooComplex(`the field ${answer} is asked for more than ${maxRepeats} times`);
    }
    for (const nodes of byAnswer.values()) {
      const below = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
      if (below.length > 0) this.measure(below, depth + 1);
    }
  }

  #collect(set: SelectionSetNode, byAnswer: Map<string, FieldNode[]>): void {
    for (const selection of set.selections) {
      if (++this.#selections > maxSelections)
        throw new QueryTooComplex('the operation asks for too much at once; ask for less');
      if (selection.kind === Kind.FIELD) {
        const answer = (selection.alias ?? selection.name).value;
        const nodes = byAnswer.get(answer);
        if (nodes) nodes.push(selection);
        else byAnswer.set(answer, [selection]);
      } else {
        const below =
          selection.kind === Kind.INLINE_FRAGMENT ? selection : this.#fragments.get(selection.name.value);
        if (below) this.#collect(below.selectionSet, byAnswer);
      }
    }
  }
}
