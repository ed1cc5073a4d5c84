import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

/** Holds a port of the loopback interface, so that nobody else can. */
export async function occupyPort(): Promise<{ port: number; release(): Promise<void> }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const release = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { port: (server.address() as AddressInfo).port, release };
}
