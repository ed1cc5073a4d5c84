import { hash } from 'node:crypto';
import type { WrongCredentials } from '@muster/access/wrong-credentials';
import type { EventBus } from '@muster/messages/event-bus';
import type { TokenVerdict } from '@muster/messages/vocabulary';
import type { Admission } from './admission.ts';
import type { CertificateIdentity } from './client-certificates.ts';
import type { Log } from '@muster/platform/log';

/** A credential that lets agents in. */
export interface AcceptedToken {
  /** Empty: a client certificate did. */
  enrollmentTokenId: string;
  /** `access.enroll` decides about every agent that is new to it. */
  limited: boolean;
}

/**
 * `limited`: not good, or not judged, and its address has presented too many that were not good.
 * `unavailable`: nobody could be asked; the credential may be good.
 */
export type Authentication =
  | { kind: 'accepted'; token: AcceptedToken }
  | { kind: 'refused' }
  | { kind: 'limited'; retryAfterSeconds: number }
  | { kind: 'unavailable' };

const acceptedForMs = 60_000;
export const learnEveryMs = 20_000;
const refusedForMs = 5_000;
const verdictsKept = 10_000;
const questionsAtOnce = 1_000;
const enrolledKept = 100_000;

interface Remembered {
  verdict: TokenVerdict;
  until: number;
}

/**
 * Judges what agents present. Only hashes of secrets are kept and sent on. Verdicts are remembered for a
 * while (good ones for 60 s, bad ones for 5 s), so a revocation is heard of on the bus as well; good ones are
 * learned all at once before they end (`learnEveryMs`).
 */
export class Credentials {
  readonly #bus: EventBus;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #wrong: WrongCredentials;
  readonly #remembered = new Map<string, Remembered>();
  readonly #asked = new Map<string, Promise<Authentication>>();
  /** Tokens revoked lately, for verdicts that were on their way: id → until when to remember. */
  readonly #revoked = new Map<string, number>();
  /** Tokens by which agents of other tokens may come in. */
  readonly #mayTakeOver = new Set<string>();
  /** Agents that limited tokens let in, `<token> <uid>`, the one asked about longest ago first. */
  readonly #enrolled = new Set<string>();

  constructor(bus: EventBus, wrong: WrongCredentials, log: Log, now: () => number = Date.now) {
    this.#bus = bus;
    this.#wrong = wrong;
    this.#log = log;
    this.#now = now;
  }

  /**
   * Judges what a client presents: its Authorization header, or its certificate when it sends none. A token
   * that is no good is refused whatever certificate comes with it: it may have been revoked. `address`: the
   * client's.
   */
  judge(
    authorization: string,
    certificate: CertificateIdentity | null,
    address: string,
  ): Authentication | Promise<Authentication> {
    if (certificate === null || authorization !== '') return this.authenticate(authorization, address);
    return { kind: 'accepted', token: { enrollmentTokenId: '', limited: false } };
  }

  /** Judges an Authorization header. Answers at once when the verdict is remembered; never rejects. */
  authenticate(authorization: string, address: string): Authentication | Promise<Authentication> {
    const secret = presentedSecret(authorization);
    if (secret === null) return { kind: 'refused' };
    const secretHash = hash('sha256', secret, 'hex');
    const remembered = this.#remembered.get(secretHash);
    const isRemembered = remembered !== undefined && remembered.until > this.#now();
    const known = isRemembered ? this.#judge(remembered.verdict) : null;
    if (known?.kind === 'accepted') return known;
    const mayBeJudged = this.#wrong.expect(address);
    if (known !== null || !mayBeJudged) return this.#refuse(address);
    const asked = this.#asked.get(secretHash) ?? this.#ask(secretHash);
    if (!(asked instanceof Promise)) return this.#settle(asked, address);
    return asked.then((authentication) => this.#settle(authentication, address));
  }

  #settle(authentication: Authentication, address: string): Authentication {
    if (authentication.kind === 'refused') return this.#refuse(address);
    this.#wrong.right(address);
    return authentication;
  }

  #refuse(address: string): Authentication {
    const retryAfterSeconds = this.#wrong.wrong(address);
    return retryAfterSeconds === null ? { kind: 'refused' } : { kind: 'limited', retryAfterSeconds };
  }

  /**
   * May this agent enrol with its token? Asks only for limited tokens. Rejects with `BusUnavailable`
   * when nobody answers.
   */
  async mayEnroll(token: AcceptedToken, uid: string): Promise<boolean> {
    if (!token.limited) return true;
    const { enrollmentTokenId } = token;
    if (this.#enrolled.has(`${enrollmentTokenId} ${uid}`)) return true;
    const { accepted } = await this.#bus.request('access.enroll', { enrollmentTokenId, uid });
    if (accepted) this.#rememberEnrolled(enrollmentTokenId, uid);
    return accepted;
  }

  /** The agent has another uid: with a limited token it still counts once. Rejects as `mayEnroll` does. */
  async rename({ enrollmentTokenId, limited }: AcceptedToken, former: string, uid: string): Promise<void> {
    if (limited) await this.#bus.request('access.enroll', { enrollmentTokenId, uid, former });
  }

  /** May agents of other tokens come in by this one? */
  mayTakeOver({ enrollmentTokenId }: AcceptedToken): boolean {
    return this.#mayTakeOver.has(enrollmentTokenId);
  }

  /** An operator allowed or forbade that agents of other tokens come in by it. */
  allowTakeOver(enrollmentTokenId: string, mayTakeOver: boolean): void {
    if (mayTakeOver) this.#mayTakeOver.add(enrollmentTokenId);
    else this.#mayTakeOver.delete(enrollmentTokenId);
  }

  /** The token lets nobody in any more. */
  revoke(enrollmentTokenId: string): void {
    this.#revoked.set(enrollmentTokenId, this.#now() + acceptedForMs);
    this.#mayTakeOver.delete(enrollmentTokenId);
    for (const entry of this.#enrolled) {
      if (entry.startsWith(`${enrollmentTokenId} `)) this.#enrolled.delete(entry);
    }
    for (const [id, until] of this.#revoked) if (until <= this.#now()) this.#revoked.delete(id);
  }

  /**
   * Learns of all tokens that let agents in, so that nobody waits for a verdict on theirs. Never rejects:
   * what is not learned is asked for.
   */
  async learn(): Promise<void> {
    try {
      const { tokens } = await this.#bus.request('access.accepted-tokens', {});
      for (const { secretHash, verdict } of tokens) this.#remember(secretHash, verdict);
    } catch (error) {
      this.#log.debug({ err: error }, 'the accepted enrollment tokens are not known; each is asked for');
    }
  }

  /** A token that was made just now. */
  learnOf(secretHash: string, verdict: TokenVerdict): void {
    this.#remember(secretHash, verdict);
  }

  #ask(secretHash: string): Authentication | Promise<Authentication> {
    if (this.#asked.size >= questionsAtOnce) return { kind: 'unavailable' };
    const answer = this.#bus
      .request('access.verify-token', { secretHash })
      .then((verdict) => this.#remember(secretHash, verdict))
      .catch((error: unknown) => {
        this.#log.warn({ err: error }, 'a credential could not be judged');
        return { kind: 'unavailable' as const };
      })
      .finally(() => this.#asked.delete(secretHash));
    this.#asked.set(secretHash, answer);
    return answer;
  }

  #rememberEnrolled(enrollmentTokenId: string, uid: string): void {
    this.#enrolled.add(`${enrollmentTokenId} ${uid}`);
    if (this.#enrolled.size > enrolledKept) this.#enrolled.delete(this.#enrolled.values().next().value!);
  }

  #remember(secretHash: string, verdict: TokenVerdict): Authentication {
    if (verdict.accepted) this.allowTakeOver(verdict.enrollmentTokenId, verdict.mayTakeOver ?? false);
    const forMs = verdict.accepted ? acceptedForMs : refusedForMs;
    this.#remembered.delete(secretHash);
    this.#remembered.set(secretHash, { verdict, until: this.#now() + forMs });
    if (this.#remembered.size > verdictsKept) this.#remembered.delete(this.#remembered.keys().next().value!);
    return this.#judge(verdict);
  }

  #judge(verdict: TokenVerdict): Authentication {
    if (!verdict.accepted || this.#revoked.has(verdict.enrollmentTokenId)) return { kind: 'refused' };
    if (verdict.expiresAt !== null && verdict.expiresAt <= this.#now()) return { kind: 'refused' };
    const { enrollmentTokenId, limited } = verdict;
    return { kind: 'accepted', token: { enrollmentTokenId, limited } };
  }
}

/** Retry-After of a limited address: agents that share it come back spread, and when there is room. */
export function retryAfterOf(
  { retryAfterSeconds }: Extract<Authentication, { kind: 'limited' }>,
  admission: Admission,
): string {
  return String(Math.max(retryAfterSeconds, admission.later()));
}

/** The token of a Bearer header or the password of a Basic one; null when there is neither. */
function presentedSecret(authorization: string): string | null {
  const [scheme, value] = authorization.trim().split(/\s+/, 2);
  if (!value) return null;
  if (scheme!.toLowerCase() === 'bearer') return value;
  if (scheme!.toLowerCase() !== 'basic') return null;
  const pair = Buffer.from(value, 'base64').toString();
  const colon = pair.indexOf(':');
  return colon === -1 || colon === pair.length - 1 ? null : pair.slice(colon + 1);
}
