import {
  isNode,
  isPair,
  isScalar,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import { checkComponents, type Position } from './component-references.ts';
import { credentialProblems } from './credential-problems.ts';
import { hasErrors, type Problem } from './problem.ts';
import { TextPlaces } from './text-places.ts';

export type { Problem };

/**
 * Everything that can be said about a collector configuration from its text alone: YAML syntax,
 * duplicate keys, nothing in it at all, credentials instead of references, sections nobody reads, no pipelines,
 * pipelines that name components which are not defined or that lead in circles, and components nothing uses.
 * `isWhole`: nothing is merged onto it, so what it lacks is an error. In the order of the text; empty when all is well.
 */
export function validateConfiguration(
  body: string,
  { isWhole = true }: { isWhole?: boolean } = {},
): Problem[] {
  const { document, position, problems: syntax } = read(body);
  const credentials = credentialProblems(body);
  if (hasErrors(syntax)) return inTextOrder([...syntax, ...credentials]);
  return inTextOrder([...syntax, ...credentials, ...checkComponents(document, position, isWhole)]);
}

/** What keeps a text from being read as YAML, duplicate keys among it. In the order of the text. */
export function syntaxProblems(body: string): Problem[] {
  return inTextOrder(read(body).problems);
}

function read(body: string): { document: Document; position: Position; problems: Problem[] } {
  const lines = new LineCounter();
  const position = (offset: number) => lines.linePos(offset);
  // The parser misplaces duplicate keys and does not look for unknown aliases: `nodeProblems` does both.
  const document = parseDocument(body, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const told = [
    ...document.errors.map((error) => ({ severity: 'error' as const, error })),
    ...document.warnings.map((error) => ({ severity: 'warning' as const, error })),
  ].toSorted((a, b) => a.error.pos[0] - b.error.pos[0]);
  const places = new TextPlaces(body);
  const syntax = told.map(({ severity, error }) => syntaxProblem(severity, error, position, places));
  return { document, position, problems: [...syntax, ...nodeProblems(document, position)] };
}

function syntaxProblem(
  severity: Problem['severity'],
  error: YAMLError,
  position: Position,
  places: TextPlaces,
): Problem {
  const [offset] = error.pos;
  const { line, col } = position(offset);
  if (error.code === 'MULTIPLE_DOCS') {
    const message = 'the text holds several YAML documents; one is allowed';
    return { severity, message, path: null, line, column: col };
  }
  return { severity, message: error.message, path: places.next(offset).path, line, column: col };
}

/** Keys that appear twice in a mapping, and aliases before or without their anchor. */
function nodeProblems(document: Document, position: Position): Problem[] {
  const problems: Problem[] = [];
  const anchors = new Set<string>();
  const report = (node: unknown, path: string[], message: string): void => {
    const { line, col } = position((isNode(node) && node.range?.[0]) || 0);
    problems.push({ severity: 'error', message, path: path.join('.') || null, line, column: col });
  };
  visit(document, {
    Value: (_key, node) => void (node.anchor && anchors.add(node.anchor)),
    Alias: (_key, node, above) =>
      void (anchors.has(node.source) || report(node, keysAbove(above), `"*${node.source}" has no anchor`)),
    Map: (_key, map, above) => {
      if (map.anchor) anchors.add(map.anchor);
      for (const key of repeatedKeys(map)) {
        const name = String(key);
        const remedy = name === '<<' ? ': give it a list, as in <<: [*a, *b]' : '';
        report(key, [...keysAbove(above), name], `"${name}" is there twice in this mapping${remedy}`);
      }
    },
  });
  return problems;
}

function keysAbove(nodes: readonly unknown[]): string[] {
  return nodes.filter((node) => isPair(node)).map(({ key }) => String(key));
}

function repeatedKeys(map: YAMLMap): unknown[] {
  const seen = new Set<unknown>();
  return map.items
    .map((pair) => pair.key)
    .filter((key) => isScalar(key) && seen.size === seen.add(key.value).size);
}

function inTextOrder(problems: Problem[]): Problem[] {
  return problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}
