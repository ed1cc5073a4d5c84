import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FaultyProxy } from '@muster/platform/faulty-proxy.setup';
import { freePort, loopback, runServer, talkTo } from '@muster/platform/local-server';
import { findBinary, startLocalRedis } from '@muster/platform/local-services';
import { TestAuthority } from '@muster/platform/test-certificates.setup';
import { useTestService } from '@muster/platform/test-service.setup';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRedisPresence } from './presence.redis.ts';
import { assertRedisAnswers, closeRedis, openRedis } from './redis-client.redis.ts';

let files: string;
const file = (name: string) => join(files, name);

beforeAll(() => {
  files = mkdtempSync(join(tmpdir(), 'muster-redis-'));
  const [authority] = ['ca', 'other'].map((name) => new TestAuthority(name, files));
  authority!.issue('redis', 'IP:127.0.0.1', { file: 'redis' });
  writeFileSync(file('text'), 'no PEM at all\n');
});
afterAll(() => rmSync(files, { recursive: true, force: true }));

/** A Redis with settings of its own. */
async function withRedis(
  args: (port: number) => string[],
  isReady: (port: number) => Promise<boolean>,
  use: (port: number) => Promise<void>,
): Promise<void> {
  const port = await freePort();
  const dataDir = mkdtempSync(join(tmpdir(), 'muster-redis-data-'));
  const binary = await findBinary('redis-server', undefined, 'install it');
  const server = await runServer({
    name: 'redis-server',
    binary,
    args: [...args(port), '--dir', dataDir, '--bind', loopback, '--save', '', '--set-proc-title', 'no'],
    dataDir,
    port,
    isReady: () => isReady(port),
  });
  try {
    await use(port);
  } finally {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

const plainly = async (port: number) => (await talkTo(port, 'PING\r\n')).startsWith('+PONG');

describe('TLS to Redis', () => {
  const overTls = (port: number) =>
    new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: loopback, rejectUnauthorized: false }, () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
  const tlsArgs = (port: number) => [
    '--port',
    '0',
    '--tls-port',
    String(port),
    '--tls-auth-clients',
    'no',
    '--tls-cert-file',
    file('redis.pem'),
    '--tls-key-file',
    file('redis.key'),
  ];

  it('trusts the authority that was named, and no other', async () => {
    await withRedis(tlsArgs, overTls, async (port) => {
      const url = `rediss://${loopback}:${port}`;
      await assertRedisAnswers({ url, caFile: file('ca.pem') });
      await expect(assertRedisAnswers({ url, caFile: file('other.pem') })).rejects.toThrow(
        /^Redis at 127\.0\.0\.1:\d+ \(MUSTER_REDIS_URL\) cannot be reached: .*certificate/,
      );
      await expect(assertRedisAnswers({ url })).rejects.toThrow(/certificate/);
      const presence = createRedisPresence({ url, caFile: file('ca.pem') });
      await expect.poll(() => presence.check(), { timeout: 5_000 }).toBeNull();
      await presence.close();
    });
  });

  it('says what is wrong with its file', async () => {
    const url = 'rediss://127.0.0.1:1';
    await expect(assertRedisAnswers({ url, caFile: file('missing') })).rejects.toThrow(
      `MUSTER_REDIS_CA_FILE ${file('missing')} does not exist`,
    );
    await expect(assertRedisAnswers({ url, caFile: file('text') })).rejects.toThrow('holds no certificate');
    await expect(assertRedisAnswers({ url: 'redis://127.0.0.1:1', caFile: file('ca.pem') })).rejects.toThrow(
      'write MUSTER_REDIS_URL with rediss://',
    );
  });
});

describe('a Redis that Muster cannot use', () => {
  it('is a Sentinel', async () => {
    writeFileSync(file('sentinel.conf'), '');
    const args = (port: number) => [file('sentinel.conf'), '--sentinel', '--port', String(port)];
    await withRedis(args, plainly, (port) =>
      expect(assertRedisAnswers({ url: `redis://${loopback}:${port}` })).rejects.toThrow(
        'MUSTER_REDIS_URL leads to a Redis Sentinel, which is not supported',
      ),
    );
  });

  it('is a member of a Redis Cluster', async () => {
    const args = (port: number) => [
      '--port',
      String(port),
      '--cluster-enabled',
      'yes',
      '--cluster-port',
      String(port + 1),
    ];
    await withRedis(args, plainly, (port) =>
      expect(assertRedisAnswers({ url: `redis://${loopback}:${port}` })).rejects.toThrow(
        'MUSTER_REDIS_URL leads to a Redis Cluster, which is not supported',
      ),
    );
  });

  it('is a replica', async () => {
    const args = (port: number) => ['--port', String(port), '--replicaof', '127.0.0.1 1'];
    await withRedis(args, plainly, (port) =>
      expect(assertRedisAnswers({ url: `redis://${loopback}:${port}` })).rejects.toThrow(
        'MUSTER_REDIS_URL leads to a replica, which takes no writes',
      ),
    );
  });
});

describe('a Redis that hangs', () => {
  const server = useTestService(startLocalRedis);
  let proxy: FaultyProxy;
  beforeAll(async () => {
    proxy = await FaultyProxy.start(await freePort(), Number(new URL(server.url).port));
  });
  afterAll(async () => {
    await proxy.stop();
  });

  it(
    'keeps no call waiting, whoever is patient, and none after it is back',
    { timeout: 90_000 },
    async () => {
      const url = `redis://${loopback}:${proxy.port}`;
      const presence = createRedisPresence({ url });
      await expect.poll(() => presence.check(), { timeout: 5_000 }).toBeNull();
      await proxy.set('hung');
      const asked = Date.now();
      await expect(presence.isSeeded()).rejects.toThrow();
      expect(await presence.check()).not.toBeNull();
      expect(Date.now() - asked).toBeLessThan(20_000);
      await expect(assertRedisAnswers({ url })).rejects.toThrow(/cannot be reached/);
      const closing = Date.now();
      await closeRedis(openRedis({ url }, 'test'));
      expect(Date.now() - closing).toBeLessThan(5_000);
      await proxy.set(null);
      await expect.poll(() => presence.check(), { timeout: 20_000 }).toBeNull();
      expect(await presence.isSeeded()).toBe(false);
      await presence.close();
    },
  );
});
