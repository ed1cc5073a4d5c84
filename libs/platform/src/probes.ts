import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CannotListen } from './listening.ts';
import { Readiness, type Check } from './readiness.ts';
import type { Running } from './running.ts';

/**
 * Serves `/healthz` and `/readyz` for processes that have no HTTP of their own. `/healthz` depends on nothing: a
 * process whose event loop stands still does not answer. `/readyz` is 200 when no check that counts fails, else 503,
 * and names each (`ReadyState`). Rejects with `CannotListen`.
 */
export async function startProbes(
  host: string,
  portNumber: number,
  checks: readonly Check[],
): Promise<Running & { port: number }> {
  const readiness = new Readiness(checks);
  const server = createServer((request, response) => {
    void (async () => {
      const path = request.url?.split('?')[0];
      if (path === '/healthz') return response.writeHead(200).end('ok\n');
      if (path !== '/readyz') return response.writeHead(404).end('not found\n');
      const state = await readiness.look();
      return response
        .writeHead(state.status === 'ready' ? 200 : 503, { 'content-type': 'application/json' })
        .end(`${JSON.stringify(state)}\n`);
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
