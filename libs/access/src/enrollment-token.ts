import type { TokenVerdict } from '@muster/messages/vocabulary';

/** Lets agents in for the first time. The secret itself is nowhere to be read. */
export interface EnrollmentToken {
  id: string;
  name: string;
  /** Given to every agent that comes in by it. */
  labels: Record<string, string>;
  expiresAt: Date | null;
  maxUses: number | null;
  /** Agents that came in by it. */
  uses: number;
  createdAt: Date;
  createdBy: string;
  revokedAt: Date | null;
  /** Agents that belong to other tokens may come in by it, and are its own from then on. */
  mayTakeOver: boolean;
}

export interface NewEnrollmentToken {
  name: string;
  labels?: Record<string, string> | undefined;
  expiresAt?: Date | undefined;
  maxUses?: number | undefined;
  mayTakeOver?: boolean | undefined;
}

/** What decides whether a token lets anybody in. */
export interface TokenTerms {
  id: string;
  maxUses: number | null;
  expiresAt: Date | null;
  revokedAt: Date | null;
  mayTakeOver: boolean;
}

/** Whether a token lets agents in at `now` (Unix milliseconds). A limited token may still refuse new ones. */
export function judge(
  token: TokenTerms | null,
  now: number,
): { accepted: true; token: TokenTerms } | { accepted: false; reason: string } {
  if (!token) return { accepted: false, reason: 'unknown enrollment token' };
  if (token.revokedAt) return { accepted: false, reason: 'the enrollment token was revoked' };
  if (token.expiresAt && token.expiresAt.getTime() <= now) {
    return { accepted: false, reason: 'the enrollment token has expired' };
  }
  return { accepted: true, token };
}

/** The verdict on a token that lets agents in. */
export function toVerdict({ id, expiresAt, maxUses, mayTakeOver }: TokenTerms): TokenVerdict {
  return {
    accepted: true,
    enrollmentTokenId: id,
    expiresAt: expiresAt?.getTime() ?? null,
    limited: maxUses !== null,
    mayTakeOver,
  };
}
