import { randomInt } from 'node:crypto';
import { createServer, type AddressInfo, type Server } from 'node:net';

/** `count` neighbouring ports of the loopback interface that nothing listens on; answers the first. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    // below the ports that outgoing connections get
    const start = 10_000 + randomInt(22_000);
    const servers = await Promise.all(Array.from({ length: count }, (_, index) => listen(start + index)));
    await Promise.all(servers.map((server) => server && close(server)));
    if (servers.every((server) => server !== null)) return start;
  }
}

export const freePort = () => freePorts(1);

/** Holds a port, so that nobody else can. */
export async function occupyPort(): Promise<{ port: number; release(): Promise<void> }> {
  const server = await listen(0);
  if (server === null) throw new Error('no free port');
  return { port: (server.address() as AddressInfo).port, release: () => close(server) };
}

function listen(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    if (port > 65_535) resolve(null);
    else server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
