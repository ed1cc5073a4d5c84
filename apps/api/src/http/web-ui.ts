import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { UnknownRoute } from './errors.ts';

/** Whether a folder holds the built UI. */
export function holdsWebUi(webRoot: string): boolean {
  return existsSync(join(webRoot, 'index.html'));
}

/** Files whose names hold a hash of their content may be kept for good, the others are asked for anew. */
export function cacheControl(path: string): string {
  return /[\\/]assets[\\/]/.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache';
}

/** Answers paths of the UI's own router with its start page; a path that looks like a file is just missing. */
export async function serveStartPage(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const path = request.url.split('?')[0]!;
  if (/\.\w+$/.test(path)) throw new UnknownRoute();
  return reply.header('Cache-Control', 'no-cache').sendFile('index.html');
}
