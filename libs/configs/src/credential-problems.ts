import { findCredentials } from '@muster/agents/credential-shapes';
import type { Problem } from './problem.ts';
import { TextPlaces } from './text-places.ts';

/**
 * Credentials in a text that people write: the body of a version as YAML, or as the template it is made
 * from. In the order of the text. No message holds a credential.
 */
export function credentialProblems(text: string): Problem[] {
  const findings = findCredentials(text);
  if (findings.length === 0) return [];
  const places = new TextPlaces(text);
  return findings.map(({ kind, start }) => ({
    severity: 'error',
    message: `there is a credential here (${kind}); use a reference such as \${env:NAME}, which only the agent's host resolves`,
    ...places.next(start),
  }));
}
