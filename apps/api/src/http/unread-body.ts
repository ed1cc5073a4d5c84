import type { FastifyReply, FastifyRequest } from 'fastify';

/** What is left of a refused body is read up to here, so that the connection can be used again. */
const readToTheEnd = 4 * 1024;
/** Milliseconds in which a client that is still sending can read why it was refused. */
const graceMs = 1_000;

/**
 * Ends the connection of a request that was answered before its body was read. Node would take the rest in and
 * throw it away, however long it is.
 */
export async function leaveBodyUnread({ raw }: FastifyRequest, _reply: FastifyReply): Promise<void> {
  if (raw.complete || remainsShort(raw.headers['content-length'])) return;
  const { socket } = raw;
  // after Node has begun to read on
  setImmediate(() => {
    // a listener takes the socket back from the HTTP parser, which does not stop for a pause
    socket.on('data', () => {});
    socket.pause();
    setTimeout(() => socket.destroy(), graceMs).unref();
  });
}

function remainsShort(contentLength: string | undefined): boolean {
  return contentLength !== undefined && Number(contentLength) <= readToTheEnd;
}
