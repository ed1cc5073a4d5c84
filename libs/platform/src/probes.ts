import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Running } from './running.ts';

/** The port for probes is in use. */
export class ProbePortTaken extends Error {
  readonly code = 'probe-port-taken';
}

/**
 * Serves `/healthz` (the process lives) and `/readyz` (200 when `ready` says so, else 503 with its
 * reason) for processes that have no HTTP of their own.
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
    server.once('error', () =>
      reject(
        new ProbePortTaken(
          `port ${portNumber} on ${host} is in use: stop what listens there or set MUSTER_PROBE_PORT to a free one`,
        ),
      ),
    );
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
