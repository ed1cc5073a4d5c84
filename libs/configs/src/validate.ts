import { checkComponents } from './component-references.ts';
import { credentialProblems } from './credential-problems.ts';
import { hasErrors, type Problem } from './problem.ts';
import { parseYaml, yamlProblems } from './yaml-text.ts';

export type { Problem };

/**
 * Everything that can be said about a collector configuration from its text alone: YAML syntax,
 * duplicate keys, nothing in it at all, credentials instead of references, sections nobody reads, pipelines
 * that name components which are not defined or that lead in circles, and components nothing uses.
 * In the order of the text; empty when all is well.
 */
export function validateConfiguration(body: string): Problem[] {
  const text = parseYaml(body);
  const syntax = yamlProblems(text);
  const credentials = credentialProblems(body);
  if (hasErrors(syntax)) return inTextOrder([...syntax, ...credentials]);
  return inTextOrder([
    ...syntax,
    ...credentials,
    ...checkComponents(text.document, (offset) => text.lines.linePos(offset)),
  ]);
}

function inTextOrder(problems: Problem[]): Problem[] {
  return problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}
