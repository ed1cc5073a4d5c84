import { expect, it } from 'vitest';
import { judge, type TokenTerms } from './enrollment-token.ts';

const now = Date.parse('2026-06-01T12:00:00Z');
const token: TokenTerms = { id: 'a', maxUses: null, expiresAt: null, revokedAt: null, mayTakeOver: false };

it.each([
  ['a token without conditions', token, true],
  ['a token that expires later', { ...token, expiresAt: new Date(now + 1) }, true],
  ['a token that expires now', { ...token, expiresAt: new Date(now) }, false],
  ['a revoked token', { ...token, revokedAt: new Date(now - 1) }, false],
  ['no token', null, false],
])('judges %s', (_name, terms, accepted) => {
  expect(judge(terms, now).accepted).toBe(accepted);
});
