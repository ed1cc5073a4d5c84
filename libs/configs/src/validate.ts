import {
  isNode,
  isScalar,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import { checkComponents } from './component-references.ts';
import { credentialProblems } from './credential-problems.ts';
import { hasErrors, type Problem } from './problem.ts';

export type { Problem };

/**
 * Everything that can be said about a collector configuration from its text alone: YAML syntax,
 * duplicate keys, nothing in it at all, credentials instead of references, sections nobody reads, pipelines
 * that name components which are not defined or that lead in circles, and components nothing uses.
 * In the order of the text; empty when all is well.
 */
export function validateConfiguration(body: string): Problem[] {
  const lines = new LineCounter();
  // The parser misplaces duplicate keys and does not look for unknown aliases: `nodeProblems` does both.
  const document = parseDocument(body, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const syntax = [
    ...document.errors.map((error) => syntaxProblem('error', error, lines)),
    ...document.warnings.map((warning) => syntaxProblem('warning', warning, lines)),
    ...nodeProblems(document, lines),
  ];
  const credentials = credentialProblems(body);
  if (hasErrors(syntax)) return inTextOrder([...syntax, ...credentials]);
  return inTextOrder([
    ...syntax,
    ...credentials,
    ...checkComponents(document, (offset) => lines.linePos(offset)),
  ]);
}

function syntaxProblem(severity: Problem['severity'], error: YAMLError, lines: LineCounter): Problem {
  const { line, col } = lines.linePos(error.pos[0]);
  const message =
    error.code === 'MULTIPLE_DOCS' ? 'the text holds several YAML documents; one is allowed' : error.message;
  return { severity, message, path: null, line, column: col };
}

/** Keys that appear twice in a mapping, and aliases before or without their anchor. */
function nodeProblems(document: Document, lines: LineCounter): Problem[] {
  const problems: Problem[] = [];
  const anchors = new Set<string>();
  const report = (node: unknown, message: string): void => {
    const { line, col } = lines.linePos((isNode(node) && node.range?.[0]) || 0);
    problems.push({ severity: 'error', message, path: null, line, column: col });
  };
  visit(document, {
    Value: (_key, node) => void (node.anchor && anchors.add(node.anchor)),
    Alias: (_key, node) => void (anchors.has(node.source) || report(node, `"*${node.source}" has no anchor`)),
    Map: (_key, map) => {
      if (map.anchor) anchors.add(map.anchor);
      for (const key of repeatedKeys(map)) report(key, `"${String(key)}" is there twice in this mapping`);
    },
  });
  return problems;
}

function repeatedKeys(map: YAMLMap): unknown[] {
  const seen = new Set<unknown>();
  return map.items
    .map((pair) => pair.key)
    .filter((key) => isScalar(key) && key.value !== '<<' && seen.size === seen.add(key.value).size);
}

function inTextOrder(problems: Problem[]): Problem[] {
  return problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}
