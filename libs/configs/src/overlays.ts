import {
  Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  parseDocument,
  visit,
  type Node,
  type Pair,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { InvalidTemplate } from './errors.ts';

const removal = '!remove';
const addition = '!append';

/**
 * Merges overlays onto a document, in their order: mappings by key, anything else is replaced. A value
 * tagged `!remove` takes its key out, a list tagged `!append` goes to the end of the list that is there.
 * Comments of the base stay. Throws `InvalidTemplate` that names the text which is no YAML.
 */
export function mergeOverlays(
  base: { readonly place: string; readonly text: string },
  overlays: readonly { readonly place: string; readonly text: string }[],
): string {
  const document = parse(base.place, base.text);
  for (const { place, text } of overlays) {
    const overlay = parse(place, text);
    const root = overlay.contents;
    if (root === null || (isScalar(root) && root.value === null)) continue;
    if (!isMap(root)) throw new InvalidTemplate(place, 'an overlay is a mapping', null, null);
    document.contents = merged(document, own(document, document.contents), root, overlay) as Node;
  }
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

function parse(place: string, text: string): Document {
  const document = parseDocument(text, { prettyErrors: false, logLevel: 'silent' });
  const [error] = document.errors;
  if (error) throw new InvalidTemplate(place, error.message, null, null);
  return document;
}

/** The value that stands where `under` was, after `over` has come over it; `over` belongs to `source`. */
function merged(target: Document, under: unknown, over: Node, source: Document): unknown {
  const value = own(source, over);
  if (isMap(value) && isMap(under)) return mergeMaps(target, under, value, source);
  if (isSeq(value) && value.tag === addition) return append(under, value, source);
  return copy(value, source);
}

function mergeMaps(target: Document, under: YAMLMap, over: YAMLMap, source: Document): YAMLMap {
  for (const { key, value } of over.items as Pair<Node, Node | null>[]) {
    const name = isScalar(key) ? key.value : key;
    if (isNode(value) && value.tag === removal) {
      under.delete(name);
      continue;
    }
    const known = under.has(name) ? own(target, under.get(name, true)) : undefined;
    const next = isNode(value) ? merged(target, known, value, source) : null;
    const pair = under.items.find((item) => isScalar(item.key) && item.key.value === name);
    if (pair) pair.value = next;
    else under.add({ key: copy(key, source), value: next } as Pair);
  }
  return under;
}

function append(under: unknown, over: YAMLSeq, source: Document): YAMLSeq {
  const added = copy(over, source) as YAMLSeq;
  delete added.tag;
  if (!isSeq(under)) return added;
  under.items.push(...added.items);
  return under;
}

/** What an alias stands for, as a node of its own: a change must not reach where its anchor is. */
function own(document: Document, node: unknown): unknown {
  if (!isAlias(node)) return node;
  const target = node.resolve(document);
  return target ? copy(target, document) : node;
}

/** A copy that can stand in another document: aliases are replaced by what they stand for, marks are gone. */
function copy(node: unknown, source: Document): unknown {
  if (isAlias(node)) return own(source, node);
  if (!isNode(node)) return node;
  const clone = node.clone() as Node;
  const holder = new Document();
  holder.contents = clone as typeof holder.contents;
  visit(holder, {
    Alias: (_key, alias) => own(source, alias) as Node,
    Node(_key, each) {
      if ('anchor' in each) delete each.anchor;
      if (each.tag === addition || each.tag === removal) delete each.tag;
    },
    Pair(_key, pair) {
      if (isPair(pair) && isNode(pair.value) && pair.value.tag === removal) return visit.REMOVE;
      return undefined;
    },
  });
  return holder.contents;
}
