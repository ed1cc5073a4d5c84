import {
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  visit,
  type Alias,
  type Document,
  type Node,
  type Pair,
  type YAMLMap,
} from 'yaml';

/** What each alias of a document stands for. */
const targets = new WeakMap<Document, Map<Alias, Node | undefined>>();

/** The node itself, or the one that an alias stands for; null: there is none. */
export function resolved(document: Document, node: unknown): Node | null {
  if (!isAlias(node)) return isNode(node) ? node : null;
  let known = targets.get(document);
  if (!known) targets.set(document, (known = targetsIn(document)));
  return known.get(node) ?? null;
}

/** An alias stands for the last node before it that has its anchor. */
function targetsIn(document: Document): Map<Alias, Node | undefined> {
  const anchors = new Map<string, Node>();
  const found = new Map<Alias, Node | undefined>();
  visit(document, {
    Node(_key, node) {
      if (isAlias(node)) found.set(node, anchors.get(node.source));
      else if (node.anchor) anchors.set(node.anchor, node);
    },
  });
  return found;
}

/** What aliases may add to documents that are merged: a few of them can stand for gigabytes. In characters. */
export const aliasAllowance = 1_000_000;
/** What a node costs beside its text. */
const nodeCost = 100;

/** Says why a document cannot be resolved, and at which node. */
export type Refuse = (node: Node, reason: string) => never;

/**
 * Takes anchors, aliases and merge keys (`<<`) out of a document: copies stand where aliases stood, so that a
 * change at one place changes no other, and a member that a merge key brought is a member like the others.
 * Answers what is left of `allowance`. Aliases have their anchors: see `yamlProblems`.
 */
export function resolveAliases(document: Document, allowance: number, refuse: Refuse): number {
  const resolution = new Resolution(allowance, refuse);
  document.contents = resolution.of(document.contents) as typeof document.contents;
  return resolution.left;
}

class Resolution {
  /** Null: the anchor's node is not at its end yet. */
  readonly #anchors = new Map<string, Node | null>();
  readonly #refuse: Refuse;
  left: number;

  constructor(allowance: number, refuse: Refuse) {
    this.left = allowance;
    this.#refuse = refuse;
  }

  of(node: unknown): unknown {
    if (isAlias(node)) return this.#copy(node, node.source);
    if (!isScalar(node) && !isCollection(node)) return node;
    const { anchor } = node;
    delete node.anchor;
    if (anchor) this.#anchors.set(anchor, null);
    if (isCollection(node)) {
      for (const [index, item] of node.items.entries()) {
        if (isPair(item)) [item.key, item.value] = [this.of(item.key), this.of(item.value)];
        else node.items[index] = this.of(item);
      }
      if (isMap(node)) this.#inline(node);
    }
    if (anchor) this.#anchors.set(anchor, node);
    return node;
  }

  #copy(alias: Node, anchor: string): Node {
    const target = this.#anchors.get(anchor);
    if (!target) return this.#refuse(alias, `"*${anchor}" leads to itself`);
    this.left -= costOf(target);
    if (this.left < 0) return this.#refuse(alias, 'aliases stand for too much: write less of it, or fewer');
    const { comment, commentBefore, spaceBefore } = alias;
    return Object.assign(target.clone() as Node, { comment, commentBefore, spaceBefore });
  }

  /** Members of its own count before those of the merge key, earlier mappings of that before later ones. */
  #inline(map: YAMLMap): void {
    const merge = map.items.find(({ key }) => isScalar(key) && key.value === '<<' && key.type === 'PLAIN');
    if (!merge) return;
    const sources = isSeq(merge.value) ? merge.value.items : [merge.value];
    const brought: Pair[] = [];
    const known = new Set(map.items.map(nameOf));
    for (const source of sources) {
      if (!isMap(source)) return this.#refuse(merge.key as Node, '"<<" takes a mapping or a list of them');
      for (const pair of source.items) {
        if (known.has(nameOf(pair))) continue;
        known.add(nameOf(pair));
        brought.push(pair);
      }
    }
    const place = map.items.indexOf(merge);
    map.items = [...map.items.slice(0, place), ...brought, ...map.items.slice(place + 1)];
  }
}

function nameOf({ key }: Pair): unknown {
  return isScalar(key) ? key.value : key;
}

function costOf(node: unknown): number {
  if (isPair(node)) return costOf(node.key) + costOf(node.value);
  if (isCollection(node))
    return (node.items as unknown[]).reduce((sum: number, item) => sum + costOf(item), nodeCost);
  return nodeCost + (isScalar(node) ? (node.source?.length ?? 0) : 0);
}
