import type { Tone } from '../ui/status-chip.tsx';
import type { EnrollmentToken } from './enrollment-tokens.queries.ts';

export type TokenState = 'valid' | 'expired' | 'used up' | 'revoked';

export const tokenTones: Record<TokenState, Tone> = {
  valid: 'ok',
  expired: 'idle',
  'used up': 'idle',
  revoked: 'bad',
};

/** Does the token let new agents in at `now` (Unix milliseconds), and if not, why? */
export function tokenState(token: EnrollmentToken, now: number): TokenState {
  if (token.revokedAt !== null) return 'revoked';
  if (token.expiresAt !== null && Date.parse(token.expiresAt) <= now) return 'expired';
  if (token.maxUses !== null && token.uses >= token.maxUses) return 'used up';
  return 'valid';
}
