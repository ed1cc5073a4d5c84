import {
  findCredentials,
  findCredentialsInMessage,
  type CredentialFinding,
} from '@muster/agents/credential-shapes';
import { InvalidTemplate } from './errors.ts';
import type { Problem } from './problem.ts';
import { TextPlaces } from './text-places.ts';

/** Credentials of one text that are told one by one. */
const mostFindings = 100;

/**
 * Credentials in a text that people write: the body of a version as YAML, or as the template it is made
 * from. In the order of the text. No message holds a credential.
 */
export function credentialProblems(text: string): Problem[] {
  return toProblems(text, findCredentials(text));
}

/** The same in prose, such as a comment: a value is one word that something ends. */
export function credentialProblemsInProse(text: string): Problem[] {
  return toProblems(text, findCredentialsInMessage(text));
}

/**
 * What was put into a template may be a credential. Throws `InvalidTemplate` with the place in the rendered text;
 * `place` names the text.
 */
export function refuseRenderedCredentials(place: string, text: string): void {
  const [first] = credentialProblems(text);
  if (!first) return;
  const { message, path, line, column } = first;
  const where = path === null ? '' : ` at ${path}`;
  throw new InvalidTemplate(place, `once rendered, ${message}${where}`, null, {
    line: line!,
    column: column!,
  });
}

function toProblems(text: string, findings: readonly CredentialFinding[]): Problem[] {
  if (findings.length === 0) return [];
  const places = new TextPlaces(text);
  const problems = findings.slice(0, mostFindings).map(({ kind, start }): Problem => ({
    severity: 'error',
    message: `there is a credential here (${kind}); write a reference such as \${env:NAME} instead, which only the agent's host resolves`,
    ...places.next(start),
  }));
  const others = findings.length - mostFindings;
  if (others <= 0) return problems;
  const place = { ...problems.at(-1)!, path: null };
  return [...problems, { ...place, message: `and ${others} more credentials after this one` }];
}
