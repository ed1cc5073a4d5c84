import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@muster/platform/local-server';
import { startNatsCluster } from '@muster/platform/nats-cluster.setup';
import { TestAuthority } from '@muster/platform/test-certificates.setup';
import { nkeys } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectNats, type NatsSettings } from './connection.nats.ts';

let files: string;
const file = (name: string) => join(files, name);

beforeAll(() => {
  files = mkdtempSync(join(tmpdir(), 'muster-nats-access-'));
  const [authority] = ['ca', 'other'].map((name) => new TestAuthority(name, files));
  authority!.issue('server', 'IP:127.0.0.1', { file: 'server' });
  authority!.issue('elsewhere', 'DNS:nats.example', { file: 'elsewhere' });
  authority!.issue('client', 'DNS:muster', { file: 'client' });
  writeFileSync(file('empty'), '');
  writeFileSync(file('text'), 'no PEM at all\n');
});
afterAll(() => rmSync(files, { recursive: true, force: true }));

async function connects(settings: Omit<NatsSettings, 'name'>): Promise<string> {
  const link = await connectNats({ ...settings, name: 'test' });
  const server = link.connection.getServer();
  await link.close();
  return server;
}

async function withServer(config: string[], use: (url: string) => Promise<void>): Promise<void> {
  const cluster = await startNatsCluster({ servers: 1, config });
  try {
    await use(cluster.url);
  } finally {
    await cluster.stop();
  }
}

const tls = (name: string, ...more: string[]) => [
  `tls { cert_file: ${JSON.stringify(file(`${name}.pem`))}, key_file: ${JSON.stringify(file(`${name}.key`))} ${more.join(' ')} }`,
];

describe('TLS to NATS', () => {
  it('trusts the authority that was named, and no other', async () => {
    await withServer(tls('server'), async (url) => {
      await expect(connects({ url, caFile: file('ca.pem') })).resolves.toBeDefined();
      await expect(
        connects({ url: url.replace('nats:', 'tls:'), caFile: file('ca.pem') }),
      ).resolves.toBeDefined();
      await expect(connects({ url, caFile: file('other.pem') })).rejects.toThrow(
        /cannot be reached: .*certificate/,
      );
      await expect(connects({ url })).rejects.toThrow(/certificate/);
    });
  });

  it('refuses a server with the name of another', async () => {
    await withServer(tls('elsewhere'), async (url) => {
      await expect(connects({ url, caFile: file('ca.pem') })).rejects.toThrow(/does not match certificate/);
    });
  });

  it('shows its certificate where a server asks for one', async () => {
    const verify = [`ca_file: ${JSON.stringify(file('ca.pem'))}`, 'verify: true'];
    await withServer(tls('server', ', ', verify.join(', ')), async (url) => {
      const caFile = file('ca.pem');
      const own = { certFile: file('client.pem'), keyFile: file('client.key') };
      await expect(connects({ url, caFile, ...own })).resolves.toBeDefined();
      await expect(connects({ url, caFile })).rejects.toThrow();
    });
  });

  it('does not speak to a server without TLS when it is asked for', async () => {
    await withServer([], async (url) => {
      await expect(connects({ url: url.replace('nats:', 'tls:') })).rejects.toThrow(/tls/);
    });
  });

  it.each([
    ['missing', 'does not exist'],
    ['', 'is a directory'],
    ['empty', 'is empty'],
    ['text', 'holds no certificate: it must be PEM'],
  ])('says what is wrong with the file of authorities (%s)', async (name, problem) => {
    await expect(connects({ url: 'nats://127.0.0.1:1', caFile: file(name) })).rejects.toThrow(
      `MUSTER_NATS_CA_FILE ${file(name)} ${problem}`,
    );
  });

  it('wants certificate and key that belong together', async () => {
    const url = 'nats://127.0.0.1:1';
    const certFile = file('client.pem');
    await expect(connects({ url, certFile })).rejects.toThrow('are of use together only');
    await expect(connects({ url, certFile, keyFile: file('server.key') })).rejects.toThrow(
      'is not the key of the certificate in MUSTER_NATS_CERT_FILE',
    );
    await expect(connects({ url, certFile, keyFile: file('text') })).rejects.toThrow('holds no private key');
  });
});

describe('who connects to NATS', () => {
  const key = nkeys.createUser();
  const seed = new TextDecoder().decode(key.getSeed());

  it('is a user, also of several servers of which some are away', async () => {
    await withServer(['authorization { user: muster, password: "s3cr@t" }'], async (url) => {
      const { host } = new URL(url);
      const away = `nats://127.0.0.1:${await freePort()}`;
      await expect(
        connects({ url: `${away},nats://muster:s3cr%40t@${host},${away.slice(7)}` }),
      ).resolves.toBe(host);
      await expect(connects({ url: `nats://muster:wr0ng@${host}` })).rejects.toThrow(/^(?!.*wr0ng)/);
      await expect(connects({ url: `nats://muster:wr0ng@${host}` })).rejects.toThrow(/authorization/i);
    });
  });

  it('is an nkey, from the URL or a file', async () => {
    await withServer([`authorization { users: [ { nkey: ${key.getPublicKey()} } ] }`], async (url) => {
      const { host } = new URL(url);
      await expect(connects({ url: `nats://${seed}@${host}` })).resolves.toBe(host);
      writeFileSync(file('user.nk'), `${seed}\n`);
      await expect(connects({ url, credentialsFile: file('user.nk') })).resolves.toBe(host);
      await expect(connects({ url })).rejects.toThrow(/authorization/i);
    });
  });

  it('cannot be two, or none that can be read', async () => {
    const url = 'nats://127.0.0.1:1';
    await expect(connects({ url: 'nats://a:pw-first@x:1,nats://b:pw-second@y:2' })).rejects.toThrow(
      /^(?!.*pw-).*different users/,
    );
    await expect(connects({ url: 'nats://a:100%@x:1' })).rejects.toThrow('%25');
    await expect(connects({ url, credentialsFile: file('missing') })).rejects.toThrow(
      `MUSTER_NATS_CREDENTIALS_FILE ${file('missing')} does not exist`,
    );
    await expect(connects({ url, credentialsFile: file('text') })).rejects.toThrow('holds neither a JWT');
    await expect(
      connects({ url: 'nats://a:pw-first@x:1', credentialsFile: file('user.nk') }),
    ).rejects.toThrow('keep one of them');
  });
});
