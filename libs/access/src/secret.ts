import { createHash, randomBytes } from 'node:crypto';

/** A new secret with 256 random bits, its kind readable in front of them. */
export function newSecret(kind: 'admin' | 'enroll' | 'session'): string {
  return `mus_${kind}_${randomBytes(32).toString('base64url')}`;
}

/**
 * What is stored of a secret, and what it is looked up by: SHA-256. Secrets have 256 random bits, so a
 * slow hash would add nothing, and a look-up by hash tells nothing about the secret by its timing.
 */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
