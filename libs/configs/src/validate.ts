import { checkComponents } from './component-references.ts';
import { credentialProblems } from './credential-problems.ts';
import { firstProblems, hasErrors, inTextOrder, type Problem } from './problem.ts';
import { parseYaml, yamlProblems } from './yaml-text.ts';

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
  const text = parseYaml(body);
  const syntax = yamlProblems(text);
  const credentials = credentialProblems(body);
  if (hasErrors(syntax)) return firstProblems(inTextOrder([...syntax, ...credentials]));
  const position = (offset: number) => text.lines.linePos(offset);
  return firstProblems(
    inTextOrder([...syntax, ...credentials, ...checkComponents(text.document, position, isWhole)]),
  );
}
