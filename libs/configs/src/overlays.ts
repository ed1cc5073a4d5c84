import {
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  visit,
  type Document,
  type Node,
  type Pair,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { InvalidTemplate } from './errors.ts';
import { aliasAllowance, resolveAliases } from './yaml-aliases.ts';
import { parseYamlVerbatim, yamlError, type YamlText } from './yaml-text.ts';

const removal = '!remove';
const addition = '!append';
/** What YAML itself defines, as `!!str`. */
const standard = 'tag:yaml.org,2002:';

/** A text, and how errors call it. */
export interface PlacedText {
  readonly place: string;
  readonly text: string;
}

/**
 * Merges overlays onto a document, in their order: mappings by key, anything else is replaced. A value
 * tagged `!remove` takes its key out, a list tagged `!append` goes to the end of the list that is there.
 * Comments of the base stay, and scalars as they are written; aliases and merge keys become what they stand for.
 * Throws `InvalidTemplate` that names the text which cannot be merged.
 */
export function mergeOverlays(base: PlacedText, overlays: readonly PlacedText[]): string {
  return merge(base, overlays, readOverlay);
}

/** The same with files, which may have any tags. Throws `InvalidTemplate`. */
export function mergeFiles(first: PlacedText, others: readonly PlacedText[]): string {
  return merge(first, others, readBase);
}

function merge(base: PlacedText, others: readonly PlacedText[], readOther: typeof readBase): string {
  const allowance = { left: aliasAllowance };
  try {
    const document = readBase(base, allowance);
    for (const other of others) {
      const root = readOther(other, allowance).contents;
      if (root !== null) document.contents = merged(document.contents, root as Node);
    }
    return document.toString({ lineWidth: 0, flowCollectionPadding: false });
  } catch (error) {
    if (error instanceof InvalidTemplate || !(error instanceof Error)) throw error;
    // whatever the YAML library cannot do concerns this text, not all that is rendered beside it
    throw new InvalidTemplate(base.place, `cannot be merged: ${error.message}`, null, null);
  }
}

/** A mapping, or nothing, onto which others can be merged. Throws `InvalidTemplate`. */
export function readBase(base: PlacedText, allowance = { left: aliasAllowance }): Document {
  const { document, refuse } = read(base, allowance);
  if (document.contents && !isMap(document.contents))
    refuse(document.contents, 'only mappings can be merged, and this is none');
  return document;
}

/** A mapping, or nothing. Throws `InvalidTemplate`. */
export function readOverlay(overlay: PlacedText, allowance = { left: aliasAllowance }): Document {
  const { document, refuse } = read(overlay, allowance);
  if (document.contents && !isMap(document.contents)) refuse(document.contents, 'an overlay is a mapping');
  visit(document, {
    Node(key, node, path) {
      const { tag } = node;
      if (tag === undefined || tag.startsWith(standard)) return;
      if (tag === removal && (key !== 'value' || !isPair(path.at(-1))))
        refuse(node, `${removal} takes a key out of a mapping: write it as the key's value`);
      if (tag === addition && !isSeq(node)) refuse(node, `${addition} adds a list to a list`);
      if (tag !== removal && tag !== addition)
        refuse(node, `overlays know no ${tag}: there are ${removal} and ${addition}`);
    },
  });
  return document;
}

function read({ place, text }: PlacedText, allowance: { left: number }) {
  const source = parseYamlVerbatim(text);
  const error = yamlError(place, source);
  if (error) throw error;
  const refuse = (node: Node, reason: string): never => {
    throw new InvalidTemplate(place, reason, null, positionOf(node, source));
  };
  const { document } = source;
  allowance.left = resolveAliases(document, allowance.left, refuse);
  const root = document.contents;
  if (isScalar(root) && isNull(root.source ?? '') && root.type === 'PLAIN') document.contents = null;
  return { document, refuse };
}

function positionOf(node: Node, { lines }: YamlText) {
  const { line, col } = lines.linePos(node.range?.[0] ?? 0);
  return { line, column: col };
}

function isNull(source: string): boolean {
  return /^(?:~|null|Null|NULL)?$/.test(source);
}

/** The value that stands where `under` was, after `over` has come over it. */
function merged(under: unknown, over: Node): Node {
  if (isMap(over)) return mergeMembers(over, isMap(under) ? under : null);
  if (!isSeq(over)) return over;
  over.items = over.items.map((item) => (isNode(item) ? merged(null, item) : item));
  const isAddition = over.tag === addition;
  if (isAddition) delete over.tag;
  return isAddition && isSeq(under) ? appended(under, over) : over;
}

/** Without `under` what is left of `over` by itself. */
function mergeMembers(over: YAMLMap, under: YAMLMap | null): YAMLMap {
  const members = over.items as Pair<Node, Node | null>[];
  const target = under ?? over;
  const items = new Set<Pair>(under?.items);
  const byName = new Map<unknown, Pair>();
  for (const pair of items) {
    if (isScalar(pair.key) && !byName.has(pair.key.value)) byName.set(pair.key.value, pair);
  }
  for (const pair of members) {
    const name = isScalar(pair.key) ? pair.key.value : pair.key;
    const known = byName.get(name);
    if (pair.value?.tag === removal) {
      if (known) items.delete(known);
      byName.delete(name);
      continue;
    }
    const next = pair.value && merged(known?.value, pair.value);
    if (known) known.value = next;
    else {
      items.add(Object.assign(pair, { value: next }));
      if (isScalar(pair.key)) byName.set(name, pair);
    }
  }
  target.items = [...items];
  return target;
}

function appended(under: YAMLSeq, over: YAMLSeq): YAMLSeq {
  under.items = [...under.items, ...over.items];
  return under;
}
