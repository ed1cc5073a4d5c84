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

/** Circles that are told: whoever opens them looks again. */
const mostCircles = 20;
/** Of one circle. */
const mostLinks = 20;

/** Reports connectors that end pipelines and begin none, or the other way round, and pipelines that lead back to themselves. */
export function checkConnectors(
  connectors: ReadonlyMap<string, Node | null>,
  pipelines: readonly Pipeline[],
  report: Report,
): void {
  const exporters = new Set(pipelines.flatMap((pipeline) => pipeline.exporters.map(({ name }) => name)));
  const receivers = new Set(pipelines.flatMap((pipeline) => pipeline.receivers.map(({ name }) => name)));
  for (const [name, node] of connectors) {
    const ends = exporters.has(name);
    const begins = receivers.has(name);
    const path = `connectors.${name}`;
    if (ends && !begins)
      report('error', node, path, `"${name}" is an exporter of pipelines, and a receiver of none`);
    if (begins && !ends)
      report('error', node, path, `"${name}" is a receiver of pipelines, and an exporter of none`);
  }
  const found = circles(connectors, pipelines);
  for (let count = 0, next = found.next(); !next.done && count < mostCircles; next = found.next(), count++) {
    const { links, node, path } = next.value;
    const shown = links.length <= mostLinks ? links : [...links.slice(0, mostLinks - 1), '…', links.at(-1)!];
    report('error', node, path, `the pipelines lead in a circle: ${shown.join(' → ')}`);
  }
}

interface Step {
  pipeline: Pipeline;
  /** The connector that led here, and where it is an exporter; null: the walk began here. */
  by: NamedNode | null;
  /** Connectors that it has not gone through, and what is left to go to behind the one it is at. */
  exporters: NamedNode[];
  next: { to: readonly Pipeline[]; left: number; by: NamedNode } | null;
}

/** Each circle that a walk from pipeline to pipeline closes, once. */
function* circles(
  connectors: ReadonlyMap<string, unknown>,
  pipelines: readonly Pipeline[],
): Generator<{ links: string[]; node: Node; path: string }> {
  const receiving = new Map<string, Pipeline[]>();
  for (const pipeline of pipelines) {
    for (const { name } of pipeline.receivers) {
      if (!connectors.has(name)) continue;
      const known = receiving.get(name);
      if (known) known.push(pipeline);
      else receiving.set(name, [pipeline]);
    }
  }
  const stepTo = (pipeline: Pipeline, by: NamedNode | null): Step => ({
    pipeline,
    by,
    exporters: pipeline.exporters.filter(({ name }) => receiving.has(name)),
    next: null,
  });
  const done = new Set<Pipeline>();
  /** Connectors behind which everything was walked: what else leads to them closes no other circle. */
  const through = new Set<string>();
  /** The pipelines of the walk, and where in it they are. */
  const places = new Map<Pipeline, number>();
  for (const start of pipelines) {
    if (done.has(start)) continue;
    const walk = [stepTo(start, null)];
    places.set(start, 0);
    for (let here = walk.at(-1); here; here = walk.at(-1)) {
      const link = nextLink(here, receiving, through);
      if (!link) {
        done.add(here.pipeline);
        places.delete(here.pipeline);
        walk.pop();
        continue;
      }
      const begin = places.get(link.to);
      if (begin === undefined) {
        if (done.has(link.to)) continue;
        places.set(link.to, walk.length);
        walk.push(stepTo(link.to, link.by));
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

/** The last that is left, as far as nothing was there before; null: there is none. */
function nextLink(
  step: Step,
  receiving: ReadonlyMap<string, readonly Pipeline[]>,
  through: Set<string>,
): { to: Pipeline; by: NamedNode } | null {
  for (;;) {
    if (step.next && step.next.left > 0) return { to: step.next.to[--step.next.left]!, by: step.next.by };
    if (step.next) through.add(step.next.by.name);
    step.next = null;
    const by = step.exporters.pop();
    if (!by) return null;
    if (through.has(by.name)) continue;
    const to = receiving.get(by.name)!;
    step.next = { to, left: to.length, by };
  }
}
