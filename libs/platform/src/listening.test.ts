import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { assertCanListen } from './listening.ts';

const server = createServer();
afterEach(() => void server.close());

it('names the setting of a port that is in use', async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await expect(assertCanListen('127.0.0.1', port, 'MUSTER_API_PORT')).rejects.toThrow(
    `cannot listen on 127.0.0.1 port ${port}: the port is in use; end what uses it or set MUSTER_API_PORT to another port`,
  );
});

it('lets a free port pass', async () => {
  await expect(assertCanListen('127.0.0.1', 0, 'MUSTER_API_PORT')).resolves.toBeUndefined();
});

it('names the host when it is not of this machine', async () => {
  await expect(assertCanListen('192.0.2.1', 0, 'MUSTER_API_PORT')).rejects.toThrow(/set MUSTER_HOST/);
});
