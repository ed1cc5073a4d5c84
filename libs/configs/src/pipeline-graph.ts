import type { Node } from 'yaml';
import type { Problem } from './problem.ts';

/** A component where a pipeline names it. */
export interface NamedNode {
  name: string;
  node: Node;
}

export interface Pipeline {
  /** `traces`, `traces/2`. */
  id: string;
  receivers: readonly NamedNode[];
  exporters: readonly NamedNode[];
}

type Report = (severity: Problem['severity'], node: Node | null, path: string, message: string) => void;

/** Reports connectors that end pipelines and begin none, or the other way round, and pipelines that lead back to themselves. */
export function checkConnectors(
  connectors: ReadonlyMap<string, Node | null>,
  pipelines: readonly Pipeline[],
  report: Report,
): void {
  for (const [name, node] of connectors) {
    const ends = pipelines.some(({ exporters }) => exporters.some((exporter) => exporter.name === name));
    const begins = pipelines.some(({ receivers }) => receivers.some((receiver) => receiver.name === name));
    const path = `connectors.${name}`;
    if (ends && !begins)
      report('error', node, path, `"${name}" is an exporter of pipelines, and a receiver of none`);
    if (begins && !ends)
      report('error', node, path, `"${name}" is a receiver of pipelines, and an exporter of none`);
  }
  for (const { links, node, path } of circles(connectors, pipelines)) {
    report('error', node, path, `the pipelines lead in a circle: ${links.join(' → ')}`);
  }
}

interface Step {
  pipeline: Pipeline;
  /** The connector that led here, and where it is an exporter; null: the walk began here. */
  by: NamedNode | null;
  next: { to: Pipeline; by: NamedNode }[];
}

/** Each circle that a walk from pipeline to pipeline closes, once. */
function* circles(
  connectors: ReadonlyMap<string, unknown>,
  pipelines: readonly Pipeline[],
): Generator<{ links: string[]; node: Node; path: string }> {
  const receiving = new Map<string, Pipeline[]>();
  for (const pipeline of pipelines) {
    for (const { name } of pipeline.receivers) {
      if (connectors.has(name)) receiving.set(name, [...(receiving.get(name) ?? []), pipeline]);
    }
  }
  const stepTo = (pipeline: Pipeline, by: NamedNode | null): Step => ({
    pipeline,
    by,
    next: pipeline.exporters.flatMap((by) => (receiving.get(by.name) ?? []).map((to) => ({ to, by }))),
  });
  const done = new Set<Pipeline>();
  for (const start of pipelines) {
    if (done.has(start)) continue;
    const walk = [stepTo(start, null)];
    for (let here = walk.at(-1); here; here = walk.at(-1)) {
      const link = here.next.pop();
      if (!link) {
        done.add(here.pipeline);
        walk.pop();
        continue;
      }
      const begin = walk.findIndex(({ pipeline }) => pipeline === link.to);
      if (begin === -1) {
        if (!done.has(link.to)) walk.push(stepTo(link.to, link.by));
        continue;
      }
      const links = walk
        .slice(begin)
        .flatMap(({ pipeline, by }, index) => [...(index > 0 && by ? [by.name] : []), pipeline.id]);
      yield {
        links: [...links, link.by.name, link.to.id],
        node: link.by.node,
        path: `service.pipelines.${here.pipeline.id}.exporters`,
      };
    }
  }
}
