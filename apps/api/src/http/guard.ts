import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Actor } from '@muster/access/actor';
import { isCrossOrigin, type Authentication } from './authentication.ts';
import { CrossOrigin, Unauthenticated } from './errors.ts';

const actors = new WeakMap<FastifyRequest, Actor>();

/** Who sent a request that the guard let through. */
export function actorOf(request: FastifyRequest): Actor {
  const actor = actors.get(request);
  if (!actor) throw new Unauthenticated();
  return actor;
}

/** Whether the guard knows who sent a request. */
export function isKnown(request: FastifyRequest): boolean {
  return actors.has(request);
}

const reading = new Set(['GET', 'HEAD']);

/**
 * The first thing that happens to a request: nobody gets further without a credential, except on routes
 * whose config says `open`. Runs before the body is read.
 */
export function guard(authentication: Authentication) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    setSecurityHeaders(request, reply);
    if (!reading.has(request.method) && isCrossOrigin(request.headers)) throw new CrossOrigin();
    if ((request.routeOptions.config as { open?: boolean } | undefined)?.open) return;
    const admitted = await authentication.admit(request.raw);
    if (!admitted) throw new Unauthenticated();
    actors.set(request, admitted.actor);
  };
}

/** Scripts, styles and connections of the UI come from here alone; nobody frames it. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

function setSecurityHeaders(request: FastifyRequest, reply: FastifyReply): void {
  void reply.headers({
    'Content-Security-Policy': contentSecurityPolicy,
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'X-Request-Id': request.id,
    // overwritten where an answer may be kept: the UI's own files
    'Cache-Control': 'no-store',
  });
}
