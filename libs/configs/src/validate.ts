import { checkComponents } from './component-references.ts';
import { credentialProblems } from './credential-problems.ts';
import { firstProblems, hasErrors, inTextOrder, type Problem } from './problem.ts';
import { parseYaml, yamlProblems } from './yaml-text.ts';

export type { Problem };

/**
 * Everything that can be said about a collector configuration from its text alone: see `structureProblems`, and
 * credentials instead of references. In the order of the text; empty when all is well.
 */
export function validateConfiguration(body: string): Problem[] {
  return firstProblems(inTextOrder([...structureProblems(body), ...credentialProblems(body)]));
}

/**
 * YAML syntax, duplicate keys, nothing in it at all, sections that no collector reads, no pipelines, pipelines that name
 * components which are not defined or that lead in circles, and components nothing uses.
 */
export function structureProblems(body: string): Problem[] {
  const text = parseYaml(body);
  const syntax = yamlProblems(text);
  if (hasErrors(syntax)) return syntax;
  return [...syntax, ...checkComponents(text.document, (offset) => text.lines.linePos(offset))];
}
