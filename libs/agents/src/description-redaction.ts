import { findCredentials, isAuthorization } from './credential-shapes.ts';
import { mayEndSecretName } from './secret-names.ts';

/** May these attributes hold a credential, by form or by key? Nearly always not. */
export function mayHoldCredentials(attributes: ReadonlyMap<string, string>): boolean {
  let texts = '';
  for (const [key, value] of attributes) {
    if (mayEndSecretName(key, key.length - 1) || isAuthorization(value)) return true;
    texts += `${key}\n${value}\n`;
  }
  // Once over all of them: to search each costs many times as much.
  return findCredentials(texts).length > 0;
}
