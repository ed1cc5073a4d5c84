import compress from '@fastify/compress';
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';

/** Bytes of answers that are compressed, and of those that are so at once, without a thread's help. */
const from = 1024;
const atOnce = 16 * 1024;

/**
 * Compresses answers to those who only ask. What an order is answered with may be a new secret beside what the
 * client sent, and a secret can be guessed from how well it compresses with a guess (BREACH). Bodies of requests
 * are taken as they are.
 */
export async function compressAnswers(instance: FastifyInstance): Promise<void> {
  instance.addHook('onRoute', (route: RouteOptions) => {
    if (!onlyAsks(route)) route.compress = false;
  });
  await instance.register(compress, {
    encodings: ['br', 'gzip'],
    threshold: from,
    syncThreshold: atOnce,
    globalDecompression: false,
  });
}

function onlyAsks({ method, url }: RouteOptions): boolean {
  return url === '/graphql' || [method].flat().every((each) => each === 'GET' || each === 'HEAD');
}

/** Keeps the answer to a request as it is. */
export function leaveUncompressed(request: FastifyRequest): void {
  // the header by which clients ask for it too
  request.headers['x-no-compression'] = '1';
}
