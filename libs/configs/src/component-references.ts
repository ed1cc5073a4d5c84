import { isAlias, isMap, isScalar, isSeq, type Document, type Node, type Pair, type YAMLMap } from 'yaml';
import type { Problem } from './problem.ts';

type Position = (offset: number) => { line: number; col: number };

const pipelineRoles = ['receivers', 'processors', 'exporters'] as const;
const sections = ['receivers', 'processors', 'exporters', 'connectors', 'extensions'] as const;
type Section = (typeof sections)[number];

/** Which sections may define what a pipeline names in each role: a connector ends one pipeline and begins another. */
const definedIn: Record<(typeof pipelineRoles)[number] | 'extensions', readonly Section[]> = {
  receivers: ['receivers', 'connectors'],
  processors: ['processors'],
  exporters: ['exporters', 'connectors'],
  extensions: ['extensions'],
};

/** Findings about the components of a collector configuration whose YAML is sound. */
export function checkComponents(document: Document, position: Position): Problem[] {
  const root = resolve(document, document.contents);
  if (!root || (isScalar(root) && root.value === null)) return [empty('the configuration is empty')];
  if (!isMap(root)) return [at(root, position, 'error', null, 'a configuration is a mapping of sections')];
  if (root.items.length === 0) return [empty('the configuration is empty')];
  return new ComponentCheck(document, root, position).run();
}

class ComponentCheck {
  readonly #document: Document;
  readonly #root: YAMLMap;
  readonly #position: Position;
  readonly #defined: Map<Section, Map<string, Node | null> | 'unknown'>;
  readonly #used = new Set<string>();
  readonly #problems: Problem[] = [];

  constructor(document: Document, root: YAMLMap, position: Position) {
    this.#document = document;
    this.#root = root;
    this.#position = position;
    this.#defined = new Map(sections.map((section) => [section, this.#definitions(section)]));
  }

  run(): Problem[] {
    const service = this.#child(this.#root, 'service');
    if (!isMap(service)) return [];
    this.#checkNames(this.#child(service, 'extensions'), 'extensions', 'service.extensions');
    const pipelines = this.#child(service, 'pipelines');
    if (!isMap(pipelines)) return this.#problems;
    for (const { key, value } of this.#entries(pipelines)) {
      const pipeline = resolve(this.#document, value);
      if (!isMap(pipeline)) continue;
      for (const role of pipelineRoles) {
        this.#checkNames(this.#child(pipeline, role), role, `service.pipelines.${key}.${role}`);
      }
    }
    this.#reportUnused();
    return this.#problems;
  }

  #checkNames(names: Node | null, role: keyof typeof definedIn, path: string): void {
    if (!isSeq(names)) return;
    for (const item of names.items) {
      const node = resolve(this.#document, item);
      if (!isScalar(node) || isExpansion(node.value)) continue;
      this.#checkName(node, String(node.value), role, path);
    }
  }

  #checkName(node: Node, name: string, role: keyof typeof definedIn, path: string): void {
    const homes = definedIn[role].map((section) => ({ section, components: this.#defined.get(section) }));
    for (const { section } of homes) this.#used.add(`${section}/${name}`);
    const found = homes.some(({ components }) => components === 'unknown' || components?.has(name));
    if (found) return;
    const message = `"${name}" is not defined under ${definedIn[role].join(' or ')}`;
    this.#problems.push(at(node, this.#position, 'error', path, message));
  }

  #reportUnused(): void {
    for (const [section, components] of this.#defined) {
      if (components === 'unknown') continue;
      for (const [name, key] of components) {
        if (this.#used.has(`${section}/${name}`)) continue;
        const user = section === 'extensions' ? 'service.extensions' : 'any pipeline';
        const message = `"${name}" is defined but not used in ${user}`;
        this.#problems.push(at(key, this.#position, 'warning', `${section}.${name}`, message));
      }
    }
  }

  /** Component name → its key in the text; 'unknown' when the section is filled in by the collector itself. */
  #definitions(section: Section): Map<string, Node | null> | 'unknown' {
    const node = this.#child(this.#root, section);
    if (isScalar(node) && isExpansion(node.value)) return 'unknown';
    if (!isMap(node)) return new Map();
    return new Map(this.#entries(node).map(({ key, node: keyNode }) => [key, keyNode]));
  }

  #child(map: YAMLMap, name: string): Node | null {
    const entry = this.#entries(map).find(({ key }) => key === name);
    return entry ? resolve(this.#document, entry.value) : null;
  }

  /** A mapping's members, with those that a merge key (`<<`) brings in. */
  #entries(map: YAMLMap, depth = 0): { key: string; node: Node | null; value: unknown }[] {
    return map.items.flatMap((pair: Pair) => {
      const node = isScalar(pair.key) ? pair.key : null;
      const key = String(node?.value ?? '');
      if (key !== '<<' || depth > 8) return [{ key, node, value: pair.value }];
      const merged = resolve(this.#document, pair.value);
      const maps = isSeq(merged) ? merged.items.map((item) => resolve(this.#document, item)) : [merged];
      return maps.filter((item) => isMap(item)).flatMap((item) => this.#entries(item, depth + 1));
    });
  }
}

function resolve(document: Document, node: unknown): Node | null {
  if (isAlias(node)) return node.resolve(document) ?? null;
  return isScalar(node) || isMap(node) || isSeq(node) ? node : null;
}

/** `${env:NAME}` and its like: the collector puts the value in, nothing can be said about it here. */
function isExpansion(value: unknown): boolean {
  return typeof value === 'string' && value.includes('${');
}

function empty(message: string): Problem {
  const path = null;
  return { severity: 'error', message: `${message}: it would stop the collector`, path, line: 1, column: 1 };
}

function at(
  node: Node | null,
  position: Position,
  severity: Problem['severity'],
  path: string | null,
  message: string,
): Problem {
  const offset = node?.range?.[0];
  const place = offset === undefined ? null : position(offset);
  return { severity, message, path, line: place?.line ?? null, column: place?.col ?? null };
}
