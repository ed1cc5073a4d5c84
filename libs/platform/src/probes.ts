import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CannotListen } from './listening.ts';
import type { Running } from './running.ts';

/**
 * Serves `/healthz` (the process lives) and `/readyz` (200 when `ready` says so, else 503 with its
 * reason) for processes that have no HTTP of their own. Rejects with `CannotListen`.
 */
export async function startProbes(
  host: string,
  portNumber: number,
  ready: () => Promise<string | null> | string | null,
): Promise<Running & { port: number }> {
  const server = createServer((request, response) => {
    void (async () => {
      const path = request.url?.split('?')[0];
      if (path === '/healthz') return response.writeHead(200).end('ok\n');
      if (path !== '/readyz') return response.writeHead(404).end('not found\n');
      const reason = await ready();
      return response.writeHead(reason === null ? 200 : 503).end(`${reason ?? 'ready'}\n`);
    })().catch(() => response.writeHead(503).end('not ready\n'));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new CannotListen(host, portNumber, 'MUSTER_PROBE_PORT', error)));
    server.listen(portNumber, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
