import { isMap, isScalar, isSeq, type Document, type Node, type Pair, type YAMLMap } from 'yaml';
import { checkConnectors, type NamedNode, type Pipeline } from './pipeline-graph.ts';
import type { Problem } from './problem.ts';
import { resolved } from './yaml-aliases.ts';

/** Names in pipelines that are looked at: aliases can make more of them than a text has letters. */
const mostNames = 100_000;

interface Entry {
  readonly key: string;
  readonly node: Node | null;
  readonly value: unknown;
}

export type Position = (offset: number) => { line: number; col: number };

const pipelineRoles = ['receivers', 'processors', 'exporters'] as const;
const sections = ['receivers', 'processors', 'exporters', 'connectors', 'extensions'] as const;
type Section = (typeof sections)[number];
/** What the collector reads at the top. */
const topLevel: ReadonlySet<string> = new Set([...sections, 'service']);
/** A pipeline's name begins with what it carries. */
const signals: ReadonlySet<string> = new Set(['traces', 'metrics', 'logs', 'profiles']);

/** Which sections may define what a pipeline names in each role: a connector ends one pipeline and begins another. */
const definedIn: Record<(typeof pipelineRoles)[number] | 'extensions', readonly Section[]> = {
  receivers: ['receivers', 'connectors'],
  processors: ['processors'],
  exporters: ['exporters', 'connectors'],
  extensions: ['extensions'],
};

/**
 * Findings about the components of a collector configuration whose YAML is sound. That it has no pipelines is a
 * warning: a supervisor may merge it with files of its own that have some.
 */
export function checkComponents(document: Document, position: Position): Problem[] {
  const root = resolved(document, document.contents);
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
  readonly #pipelines: Pipeline[] = [];
  /** Something the collector fills in may use any component. */
  #isOpen = false;
  readonly #problems: Problem[] = [];
  /** Members of the mappings that were asked for, the first of each name. */
  readonly #members = new Map<YAMLMap, Map<string, Entry>>();
  #namesLeft = mostNames;

  constructor(document: Document, root: YAMLMap, position: Position) {
    this.#document = document;
    this.#root = root;
    this.#position = position;
    this.#defined = new Map(sections.map((section) => [section, this.#definitions(section)]));
  }

  run(): Problem[] {
    this.#checkSections();
    const service = this.#child(this.#root, 'service');
    if (!isMap(service)) {
      this.#reportNoPipelines(this.#root, 'service', service);
      return this.#problems;
    }
    this.#checkNames(this.#child(service, 'extensions'), 'extensions', 'service.extensions');
    const pipelines = this.#child(service, 'pipelines');
    if (!isMap(pipelines) || pipelines.items.length === 0) {
      this.#reportNoPipelines(service, 'pipelines', pipelines);
      return this.#problems;
    }
    for (const { key, node, value } of this.#entries(pipelines)) this.#checkPipeline(key, node, value);
    this.#reportUnused();
    if (this.#namesLeft < 0) {
      const message = `the pipelines name more than ${mostNames} components, which is too much to check`;
      this.#report('error', pipelines, 'service.pipelines', message);
      return this.#problems;
    }
    const connectors = this.#defined.get('connectors')!;
    if (!this.#isOpen && connectors !== 'unknown') {
      const report = (severity: Problem['severity'], node: Node | null, path: string, message: string) =>
        this.#report(severity, node, path, message);
      checkConnectors(connectors, this.#pipelines, report);
    }
    return this.#problems;
  }

  #report(severity: Problem['severity'], node: Node | null, path: string, message: string): void {
    this.#problems.push(at(node, this.#position, severity, path, message));
  }

  /** `value` is what stands under the key `name`, where pipelines should be. */
  #reportNoPipelines(map: YAMLMap, name: string, value: Node | null): void {
    if (isScalar(value) && isExpansion(value.value)) return;
    const path = map === this.#root ? name : `service.${name}`;
    const key = this.#entries(map).find((entry) => entry.key === name)?.node ?? map;
    const message = `there are no pipelines under service.pipelines: a collector needs one, here or in what its supervisor merges this with`;
    this.#report('warning', key, path, message);
  }

  #checkSections(): void {
    for (const { key, node } of this.#entries(this.#root)) {
      if (topLevel.has(key)) continue;
      const message = `"${key}" is no section of a collector configuration: ${[...topLevel].join(', ')}`;
      this.#report('warning', node, key, message);
    }
  }

  #checkPipeline(key: string, node: Node | null, value: unknown): void {
    const path = `service.pipelines.${key}`;
    if (!signals.has(key.split('/')[0]!)) {
      const message = `"${key}" does not say what the pipeline carries: begin its name with traces, metrics, logs or profiles`;
      this.#report('error', node, path, message);
    }
    const pipeline = resolved(this.#document, value);
    const names = Object.fromEntries(
      pipelineRoles.map((role) => {
        const list = isMap(pipeline) ? this.#child(pipeline, role) : null;
        return [role, this.#checkNames(list, role, `${path}.${role}`)];
      }),
    ) as Record<(typeof pipelineRoles)[number], NamedNode[] | 'unknown'>;
    const { receivers, exporters } = names;
    if (receivers === 'unknown' || exporters === 'unknown') {
      this.#isOpen = true;
      return;
    }
    for (const [role, list] of [
      ['receivers', receivers],
      ['exporters', exporters],
    ] as const) {
      if (list.length === 0) this.#report('error', node, path, `the pipeline "${key}" has no ${role}`);
    }
    this.#pipelines.push({ id: key, receivers, exporters });
  }

  /** The names in a list; 'unknown' when the collector fills some of them in. */
  #checkNames(names: Node | null, role: keyof typeof definedIn, path: string): NamedNode[] | 'unknown' {
    if (isScalar(names) && isExpansion(names.value)) return 'unknown';
    if (!isSeq(names)) return [];
    const found: NamedNode[] = [];
    let isComplete = true;
    for (const item of names.items) {
      if (--this.#namesLeft < 0) break;
      const node = resolved(this.#document, item);
      if (!isScalar(node)) continue;
      if (isExpansion(node.value)) {
        isComplete = false;
        continue;
      }
      this.#checkName(node, String(node.value), role, path);
      found.push({ name: String(node.value), node });
    }
    return isComplete ? found : 'unknown';
  }

  #checkName(node: Node, name: string, role: keyof typeof definedIn, path: string): void {
    const homes = definedIn[role].map((section) => ({ section, components: this.#defined.get(section) }));
    for (const { section } of homes) this.#used.add(`${section}/${name}`);
    const found = homes.some(({ components }) => components === 'unknown' || components?.has(name));
    if (found) return;
    this.#report('error', node, path, `"${name}" is not defined under ${definedIn[role].join(' or ')}`);
  }

  #reportUnused(): void {
    for (const [section, components] of this.#defined) {
      if (components === 'unknown') continue;
      for (const [name, key] of components) {
        if (this.#used.has(`${section}/${name}`)) continue;
        const user = section === 'extensions' ? 'service.extensions' : 'any pipeline';
        const message = `"${name}" is defined but not used in ${user}`;
        this.#report('warning', key, `${section}.${name}`, message);
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
    let members = this.#members.get(map);
    if (!members) {
      members = new Map(
        this.#entries(map)
          .toReversed()
          .map((entry) => [entry.key, entry]),
      );
      this.#members.set(map, members);
    }
    const entry = members.get(name);
    return entry ? resolved(this.#document, entry.value) : null;
  }

  /** A mapping's members, with those that a merge key (`<<`) brings in, of each mapping once. */
  #entries(map: YAMLMap, depth = 0, seen = new Set<YAMLMap>()): Entry[] {
    seen.add(map);
    return map.items.flatMap((pair: Pair) => {
      const node = isScalar(pair.key) ? pair.key : null;
      const key = String(node?.value ?? '');
      if (key !== '<<' || depth > 8) return [{ key, node, value: pair.value }];
      const merged = resolved(this.#document, pair.value);
      const maps = isSeq(merged) ? merged.items.map((item) => resolved(this.#document, item)) : [merged];
      return maps.flatMap((item) =>
        isMap(item) && !seen.has(item) ? this.#entries(item, depth + 1, seen) : [],
      );
    });
  }
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
