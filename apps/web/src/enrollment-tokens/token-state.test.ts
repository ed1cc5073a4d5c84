import { expect, test } from 'vitest';
import type { EnrollmentToken } from './enrollment-tokens.queries.ts';
import { tokenState } from './token-state.ts';

const now = Date.UTC(2026, 0, 10);
const token: EnrollmentToken = {
  id: '1',
  name: 'edge',
  labels: {},
  expiresAt: null,
  maxUses: null,
  uses: 5,
  createdAt: '2026-01-01T00:00:00Z',
  createdBy: 'system',
  revokedAt: null,
  mayTakeOver: false,
};

test.each<[Partial<EnrollmentToken>, string]>([
  [{}, 'valid'],
  [{ expiresAt: '2026-01-10T00:00:01Z', maxUses: 6 }, 'valid'],
  [{ expiresAt: '2026-01-10T00:00:00Z' }, 'expired'],
  [{ maxUses: 5 }, 'used up'],
  [{ revokedAt: '2026-01-02T00:00:00Z', maxUses: 5, expiresAt: '2026-01-02T00:00:00Z' }, 'revoked'],
])('a token with %j is %s', (change, state) => {
  expect(tokenState({ ...token, ...change }, now)).toBe(state);
});
