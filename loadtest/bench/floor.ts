import { fileURLToPath } from 'node:url';
import { freePort, startChild } from './child.ts';
import { until, type Subject } from './subject.ts';

/** The bare uWebSockets.js server. */
export async function startFloor(tls?: { cert: string; key: string }): Promise<Subject> {
  const port = await freePort();
  const program = fileURLToPath(new URL('./floor.uws.ts', import.meta.url));
  const child = await startChild(process.execPath, [
    program,
    String(port),
    ...(tls ? [tls.cert, tls.key] : []),
  ]);
  await until('floor is up', () => (child.assertRunning(), child.output().includes('ready')), 10_000);
  return {
    name: 'floor',
    urls: [`${tls ? 'wss' : 'ws'}://127.0.0.1:${port}/v1/opamp`],
    ports: [port],
    roots: [child.pid],
    gateways: [child.pid],
    settled: async () => {},
    stop: () => child.stop(),
  };
}
