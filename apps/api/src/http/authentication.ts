import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { AccessService } from '@muster/access/access-service';
import type { Actor } from '@muster/access/actor';
import { hashSecret } from '@muster/access/secret';
import type { WrongCredentials } from '@muster/access/wrong-credentials';
import type { TrustedProxies } from '@muster/platform/trusted-proxies';
import { TooManyWrongCredentials } from './errors.ts';

export const sessionCookie = 'muster_session';
/** Secrets known to be good, the one judged longest ago forgotten first. */
const goodKept = 1_000;

/** Somebody who is let in. */
export interface Admitted {
  actor: Actor;
  /** SHA-256 of the secret that let them in, hex. */
  secretHash: string;
}

interface Presented {
  kind: 'key' | 'session';
  secret: string;
}

type Request = Pick<IncomingMessage, 'headers' | 'socket'>;

/** Finds out who sends a request, by API key or session cookie. */
export class Authentication {
  readonly #access: AccessService;
  readonly #wrong: WrongCredentials;
  readonly #proxies: TrustedProxies;
  /** Hashes of secrets that were good: they are judged from any address. */
  readonly #good = new Set<string>();

  constructor(access: AccessService, wrong: WrongCredentials, proxies: TrustedProxies) {
    this.#access = access;
    this.#wrong = wrong;
    this.#proxies = proxies;
  }

  /**
   * Null: nobody known. An `Authorization` header is judged alone, a cookie beside it does not count.
   *
   * @param authorization in place of the header
   * @throws TooManyWrongCredentials
   */
  async admit(
    request: Request,
    authorization: string | undefined = request.headers.authorization,
  ): Promise<Admitted | null> {
    const presented = presentedBy(authorization, request.headers.cookie);
    if (presented === null) return null;
    const { kind, secret } = presented;
    const actor = await this.#judge(request, secret, () =>
      kind === 'key' ? this.#access.authenticate(secret) : this.#access.authenticateSession(secret),
    );
    return actor && { actor, secretHash: hexOf(secret) };
  }

  /**
   * Signs in with an API key; null: not a key.
   *
   * @throws TooManyWrongCredentials
   */
  openSession(request: Request, key: string): ReturnType<AccessService['openSession']> {
    return this.#judge(request, key, () => this.#access.openSession(key));
  }

  async #judge<T>(request: Request, secret: string, look: () => Promise<T | null>): Promise<T | null> {
    const address = addressOf(request, this.#proxies);
    const secretHash = hexOf(secret);
    const isKnown = this.#good.has(secretHash);
    if (!isKnown && !this.#wrong.expect(address)) this.#refuse(address);
    const found = await look().catch((error: unknown) => {
      if (!isKnown) this.#wrong.right(address);
      throw error;
    });
    this.#good.delete(secretHash);
    if (found === null) {
      this.#refuse(address);
      return null;
    }
    if (!isKnown) this.#wrong.right(address);
    this.#good.add(secretHash);
    if (this.#good.size > goodKept) this.#good.delete(this.#good.values().next().value!);
    return found;
  }

  #refuse(address: string): void {
    const retryAfterSeconds = this.#wrong.wrong(address);
    if (retryAfterSeconds !== null) throw new TooManyWrongCredentials(retryAfterSeconds);
  }
}

/** The client's address, as far as proxies that are trusted tell it. */
function addressOf({ headers, socket }: Request, proxies: TrustedProxies): string {
  const peer = (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');
  const forwardedFor = headers['x-forwarded-for'] ?? '';
  return proxies.clientOf({ peer, proxied: '', forwardedFor: String(forwardedFor) });
}

function hexOf(secret: string): string {
  return hashSecret(secret).toString('hex');
}

function presentedBy(authorization: string | undefined, cookie: string | undefined): Presented | null {
  if (authorization === undefined) {
    const secret = readSessionCookie(cookie);
    return secret === null ? null : { kind: 'session', secret };
  }
  const secret = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  return secret === undefined ? null : { kind: 'key', secret };
}

/** The session's secret in a `Cookie` header, or null. */
export function readSessionCookie(header: string | undefined): string | null {
  for (const pair of header?.split(';') ?? []) {
    const [name, value] = pair.split('=', 2);
    if (name?.trim() === sessionCookie && value) return value.trim();
  }
  return null;
}

/** The `Set-Cookie` value that opens a session; without a secret, the one that ends it. */
export function sessionCookieHeader(secret: string | null, maxAgeSeconds: number, secure: boolean): string {
  const parts = [
    `${sessionCookie}=${secret ?? ''}`,
    'Path=/',
    `Max-Age=${secret === null ? 0 : maxAgeSeconds}`,
    'HttpOnly',
    'SameSite=Strict',
  ];
  return (secure ? [...parts, 'Secure'] : parts).join('; ');
}

/**
 * Whether a browser sent this from a page of another origin. Browsers name the page in `Origin` on
 * every WebSocket and every request that can change something; clients without it are no browsers.
 */
export function isCrossOrigin(headers: Pick<IncomingHttpHeaders, 'origin' | 'host'>): boolean {
  if (headers.origin === undefined) return false;
  return !URL.canParse(headers.origin) || new URL(headers.origin).host !== headers.host;
}
