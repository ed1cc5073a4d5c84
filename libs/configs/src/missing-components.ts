import type { AvailableComponents, ComponentDetails } from '@muster/opamp/available-components';
import { isMap, isScalar, isSeq, type Document, type Node } from 'yaml';
import type { Problem } from './problem.ts';
import { resolved } from './yaml-aliases.ts';
import { parseYaml } from './yaml-text.ts';

const kinds = ['receivers', 'processors', 'exporters', 'connectors', 'extensions'] as const;
type Kind = (typeof kinds)[number];

/** Names in pipelines that are looked at: a configuration with more of them is refused when it is checked. */
const mostNames = 100_000;

/**
 * Each component that this configuration uses in a pipeline or as an extension and that the agent said it
 * does not have (spec "AvailableComponents", as collectors fill it in: kinds, and in each its component
 * types). Null: the agent has not said what it has. A text that is no YAML has no findings here.
 */
export function missingComponents(body: string, available: AvailableComponents | null): Problem[] | null {
  const had = available && componentTypes(available);
  if (!had) return null;
  const { document, lines } = parseYaml(body);
  if (document.errors.length > 0) return [];
  return uses(document).flatMap(({ kind, type, name, key, node }) => {
    if (had[kind].has(type)) return [];
    const others = kinds.filter((other) => other !== kind && had[other].has(type));
    const elsewhere = others.length === 0 ? '' : `; it has "${type}" under ${others.join(' and ')}`;
    const message = `the agent has no "${type}" among its ${kind}${elsewhere}`;
    const offset = (key ?? node)?.range?.[0];
    const place = offset === undefined ? null : lines.linePos(offset);
    return [
      {
        severity: 'error' as const,
        message,
        path: `${kind}.${name}`,
        line: place?.line ?? null,
        column: place?.col ?? null,
      },
    ];
  });
}

/** Names of the components that a text uses, such as `otlp/2`; none if it is no YAML. */
export function usedComponents(body: string): string[] {
  const { document } = parseYaml(body);
  return document.errors.length > 0 ? [] : uses(document).map(({ name }) => name);
}

/** Component types by kind; null when the agent sent the hash alone, or something that is no collector's list. */
function componentTypes({ components }: AvailableComponents): Record<Kind, ReadonlySet<string>> | null {
  if (!kinds.some((kind) => Object.hasOwn(components, kind))) return null;
  const typesOf = (details: ComponentDetails | undefined) => new Set(Object.keys(details?.components ?? {}));
  const of = (kind: Kind) => typesOf(Object.hasOwn(components, kind) ? components[kind] : undefined);
  return {
    receivers: of('receivers'),
    processors: of('processors'),
    exporters: of('exporters'),
    connectors: of('connectors'),
    extensions: of('extensions'),
  };
}

interface Use {
  kind: Kind;
  /** `otlp` of `otlp/2`. */
  type: string;
  name: string;
  /** Where it is defined, and where it is first used. */
  key: Node | null;
  node: Node;
}

/** Every component in use, once; what the collector fills in itself is not known. */
function uses(document: Document): Use[] {
  const found = new Map<string, Use>();
  const sections = new Map<Kind, Map<string, Node>>();
  const defined = (kind: Kind, name: string): Node | null => {
    let keys = sections.get(kind);
    if (!keys) sections.set(kind, (keys = keysOf(resolved(document, document.get(kind, true)))));
    return keys.get(name) ?? null;
  };
  let left = mostNames;
  const add = (path: string[], kindOf: (name: string) => Kind): void => {
    const list = resolved(document, document.getIn(path, true));
    if (!isSeq(list)) return;
    for (const item of list.items) {
      if (--left < 0) return;
      const node = resolved(document, item);
      if (!isScalar(node) || typeof node.value !== 'string' || node.value.includes('${')) continue;
      const name = node.value;
      const kind = kindOf(name);
      if (found.has(`${kind}.${name}`)) continue;
      found.set(`${kind}.${name}`, { kind, type: name.split('/')[0]!, name, key: defined(kind, name), node });
    }
  };
  if (!isMap(document.contents) || !isMap(resolved(document, document.get('service', true)))) return [];
  add(['service', 'extensions'], () => 'extensions');
  const pipelines = resolved(document, document.getIn(['service', 'pipelines'], true));
  for (const { key } of isMap(pipelines) ? pipelines.items : []) {
    const pipeline = ['service', 'pipelines', isScalar(key) ? String(key.value) : ''];
    for (const kind of ['receivers', 'exporters'] as const) {
      // A connector stands among receivers and exporters.
      add([...pipeline, kind], (name) =>
        !defined(kind, name) && defined('connectors', name) ? 'connectors' : kind,
      );
    }
    add([...pipeline, 'processors'], () => 'processors');
  }
  return [...found.values()];
}

/** The keys of a mapping by their names, the first of each. */
function keysOf(map: Node | null): Map<string, Node> {
  const keys = new Map<string, Node>();
  for (const { key } of isMap(map) ? map.items : []) {
    if (isScalar(key) && !keys.has(String(key.value))) keys.set(String(key.value), key);
  }
  return keys;
}
