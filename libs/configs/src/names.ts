import { findCredentials } from '@muster/agents/credential-shapes';
import { InvalidName } from './errors.ts';

const pattern = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** Throws `InvalidName` unless the text can name a configuration or a fleet (it becomes part of URLs). */
export function checkName(name: string): void {
  const [found] = findCredentials(name);
  if (found) throw new InvalidName(`a name holds no credentials (${found.kind})`);
  if (pattern.test(name)) return;
  throw new InvalidName(
    'a name has 1 to 63 letters, digits, ".", "_" or "-", and begins and ends with a letter or digit',
  );
}
