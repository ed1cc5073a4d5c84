import type { IncomingHttpHeaders } from 'node:http';
import type { AccessService } from '@muster/access/access-service';
import type { Actor } from '@muster/access/actor';

export const sessionCookie = 'muster_session';

/** Finds out who sends a request, by API key or session cookie. */
export class Authentication {
  readonly #access: AccessService;

  constructor(access: AccessService) {
    this.#access = access;
  }

  /** Null: nobody known. An `Authorization` header is judged alone, a cookie beside it does not count. */
  async actorOf(headers: Pick<IncomingHttpHeaders, 'authorization' | 'cookie'>): Promise<Actor | null> {
    if (headers.authorization !== undefined) return this.byAuthorization(headers.authorization);
    const cookie = readSessionCookie(headers.cookie);
    return cookie === null ? null : this.#access.authenticateSession(cookie);
  }

  /** Who presents this value of an `Authorization` header. */
  async byAuthorization(authorization: string): Promise<Actor | null> {
    const secret = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    return secret === undefined ? null : this.#access.authenticate(secret);
  }
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
