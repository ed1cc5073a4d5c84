import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Socket } from 'node:net';
import { isKnown } from './guard.ts';

/** Bytes of a refused body that are read to the end, so that the connection can be used again. */
const readOfStrangers = 4 * 1024;
const readOfKnown = 16 * 1024 * 1024;
/** Milliseconds in which a client that is still sending can read why it was refused. */
const lingerMs = 1_000;

/**
 * Ends the connection of a request that is answered before its body was read: Node would take in the rest and
 * throw it away, however long it is.
 */
export async function leaveBodyUnread(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { raw } = request;
  if (raw.complete) return;
  const left = raw.headers['transfer-encoding'] ? Infinity : Number(raw.headers['content-length'] ?? 0);
  if (left <= (isKnown(request) ? readOfKnown : readOfStrangers)) return;
  void reply.header('Connection', 'close');
  const { socket } = raw;
  // what Node calls after the answer
  socket.destroySoon = () => linger(socket);
}

/** Says that nothing more comes, reads nothing more, and goes. Going at once would take the answer away from a client that is sending. */
function linger(socket: Socket): void {
  socket.end();
  // a listener takes the socket back from the HTTP parser, which would not stop for a pause
  socket.on('data', () => {});
  setImmediate(() => socket.pause());
  setTimeout(() => socket.destroy(), lingerMs).unref();
}
