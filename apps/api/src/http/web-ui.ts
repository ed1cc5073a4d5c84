import { existsSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { UnknownRoute } from './errors.ts';

/** Whether a folder holds the built UI. */
export function holdsWebUi(webRoot: string): boolean {
  return existsSync(join(webRoot, 'index.html'));
}

/** Where the build puts files whose names hold a hash of their content. */
const hashedFiles = 'assets';

/** Hashed files may be kept for good, the others are asked for anew. */
export function cacheControl(webRoot: string, file: string): string {
  const isHashed = relative(webRoot, file).startsWith(`${hashedFiles}${sep}`);
  return isHashed ? 'public, max-age=31536000, immutable' : 'no-cache';
}

/** Answers paths of the UI's own router with its start page; a hashed file that is not there is of another build. */
export async function serveStartPage(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  if (request.url.startsWith(`/${hashedFiles}/`)) throw new UnknownRoute();
  return reply.header('Cache-Control', 'no-cache').sendFile('index.html');
}
