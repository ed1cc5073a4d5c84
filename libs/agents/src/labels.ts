import { findCredentials, findCredentialsInValue, redact } from './credential-shapes.ts';
import { InvalidLabel } from './errors.ts';

/** What operators say of an agent; selectors match them like attributes, and they win over those. */
export type Labels = Record<string, string>;

const maxLabels = 64;
const maxKey = 253;
const maxValue = 256;
const keyPattern = /^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$/;

/**
 * Throws `InvalidLabel` for the first label that is none. Values may be any text of one line that is no
 * credential: labels are shown to everybody, in the audit log too.
 */
export function checkLabels(labels: Labels): void {
  const entries = Object.entries(labels);
  if (entries.length > maxLabels)
    throw new InvalidLabel(entries[maxLabels]![0], `more than ${maxLabels} labels`);
  for (const [key, value] of entries) {
    const problem = keyProblem(key) ?? valueProblem(value) ?? credentialProblem(key, value);
    if (problem) throw new InvalidLabel(redact(key, findCredentials(key)), problem);
  }
}

function keyProblem(key: string): string | null {
  if (key.length > maxKey) return `a label's name has at most ${maxKey} characters`;
  if (keyPattern.test(key)) return null;
  return "a label's name consists of letters, digits, '.', '_', '/' and '-', and begins and ends with a letter or digit";
}

function valueProblem(value: string): string | null {
  if (value.length > maxValue) return `a label's value has at most ${maxValue} characters`;
  return /\p{Cc}|\p{Cs}/u.test(value) ? "a label's value has no control characters" : null;
}

function credentialProblem(key: string, value: string): string | null {
  const kind = [...findCredentials(key), ...findCredentialsInValue(key, value)][0]?.kind;
  if (kind === undefined) return null;
  return `holds a credential (${kind}), and labels are no place for one; keep it on the host and write a reference such as \${env:NAME} in the configuration`;
}
