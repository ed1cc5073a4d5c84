import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@muster/platform/log';
import { FaultyProxy } from '@muster/platform/faulty-proxy.setup';
import { freePort } from '@muster/platform/local-server';
import { TestAuthority } from '@muster/platform/test-certificates.setup';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { startEmbeddedPostgres } from './embedded-postgres.ts';
import { accountForPostgres } from './postgres-account.ts';
import { connectDatabase, openDatabase, watchDatabase } from './pool.postgres.ts';

let files: string;
const file = (name: string) => join(files, name);

beforeAll(() => {
  files = mkdtempSync(join(tmpdir(), 'muster-database-tls-'));
  chmodSync(files, 0o755);
  const [authority] = ['ca', 'other'].map((name) => new TestAuthority(name, files));
  authority!.issue('server', 'DNS:localhost', { file: 'server' });
  writeFileSync(file('text'), 'no PEM at all\n');
});
afterAll(() => rmSync(files, { recursive: true, force: true }));

async function answers(url: string): Promise<boolean> {
  const db = await connectDatabase({ url, maxConnections: 1 });
  const { rows } = await sql<{
    ssl: boolean;
  }>`select ssl from pg_stat_ssl where pid = pg_backend_pid()`.execute(db);
  await db.destroy();
  return rows[0]!.ssl;
}

describe('TLS to PostgreSQL', () => {
  let server: Awaited<ReturnType<typeof startEmbeddedPostgres>>;
  let dataDir: string;
  const urlWith = (host: string, parameters: string) => {
    const url = new URL(server.url);
    url.hostname = host;
    return `${url.href}?${parameters}`;
  };

  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'muster-test-'));
    const account = accountForPostgres(join(dataDir, 'postgres'));
    if (account) chownSync(file('server.key'), account.uid, account.gid);
    chmodSync(file('server.key'), 0o600);
    const settings = { ssl: 'on', ssl_cert_file: file('server.pem'), ssl_key_file: file('server.key') };
    server = await startEmbeddedPostgres({ dataDir, log: silentLog, settings });
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('checks authority and host name in all modes but no-verify', async () => {
    for (const mode of ['verify-full', 'require', 'verify-ca', 'prefer']) {
      const parameters = `sslmode=${mode}&sslrootcert=`;
      expect(await answers(urlWith('localhost', parameters + file('ca.pem')))).toBe(true);
      await expect(answers(urlWith('localhost', parameters + file('other.pem')))).rejects.toThrow(
        /^PostgreSQL at localhost:\d+ \(MUSTER_DATABASE_URL\) cannot be reached: .*certificate[^\n]*; name the authority of its certificate with \?sslmode=verify-full&sslrootcert=/,
      );
      await expect(answers(urlWith('127.0.0.1', parameters + file('ca.pem')))).rejects.toThrow(/altnames/);
    }
    await expect(answers(urlWith('localhost', 'sslmode=verify-full'))).rejects.toThrow(/sslrootcert=/);
    expect(await answers(urlWith('127.0.0.1', 'sslmode=no-verify'))).toBe(true);
    expect(await answers(server.url)).toBe(false);
  });

  it('warns of nothing', async () => {
    const warnings: Error[] = [];
    const hear = (warning: Error) => void warnings.push(warning);
    process.on('warning', hear);
    await answers(urlWith('localhost', `sslmode=require&sslrootcert=${file('ca.pem')}`));
    process.off('warning', hear);
    expect(warnings).toEqual([]);
  });
});

it('says what is wrong with the URL and its files, without the password', async () => {
  const refused = (parameters: string) =>
    answers(`postgres://muster:s3cret@127.0.0.1:1/muster?${parameters}`);
  const root = (name: string) => refused(`sslmode=verify-full&sslrootcert=${file(name)}`);
  await expect(root('missing')).rejects.toThrow(
    `MUSTER_DATABASE_URL: sslrootcert ${file('missing')} does not exist: set it to a file that this process may read`,
  );
  await expect(root('text')).rejects.toThrow(/holds no certificate: it must be PEM$/);
  await expect(refused(`sslcert=${file('server.pem')}`)).rejects.toThrow('give both');
  await expect(refused(`sslcert=${file('server.pem')}&sslkey=${file('ca.key')}`)).rejects.toThrow(
    'is not the key of',
  );
  await expect(refused('sslmode=verify_full')).rejects.toThrow('sslmode is none of disable, ');
  await expect(refused('')).rejects.toThrow(
    /^PostgreSQL at 127\.0\.0\.1:1 \(MUSTER_DATABASE_URL\) cannot be reached: [^\n]*ECONNREFUSED[^\n]*$/,
  );
});

describe('a database that hangs', () => {
  let proxy: FaultyProxy;
  let url: string;
  beforeAll(async () => {
    const target = new URL(inject('postgresUrl'));
    proxy = await FaultyProxy.start(await freePort(), Number(target.port));
    target.port = String(proxy.port);
    url = target.href;
  });
  afterAll(async () => {
    await proxy.set(null);
    await proxy.stop();
  });

  it('is noticed by a look of its own, and by queries that wait; both recover', async () => {
    const watch = watchDatabase(url);
    const db = openDatabase({ url, maxConnections: 2, silenceMs: 3_000 });
    const one = () => sql`select 1 as one`.execute(db).then(({ rows }) => rows);
    expect(await watch.check()).toBeNull();
    expect(await one()).toEqual([{ one: 1 }]);
    await proxy.set('hung');
    const asked = Promise.allSettled([one(), one(), one()]);
    expect(await watch.check()).toMatch(/^PostgreSQL at .* cannot be reached: /);
    const outcomes = await asked;
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await proxy.set(null);
    await expect.poll(() => watch.check(), { timeout: 10_000 }).toBeNull();
    expect(await one()).toEqual([{ one: 1 }]);
    await db.destroy();
    await watch.stop();
  });

  it('lets a query that is slow end, when it was begun as one', async () => {
    const db = openDatabase({ url, maxConnections: 1, silenceMs: 1_000 });
    await expect(sql`select pg_sleep(8)`.execute(db)).rejects.toThrow('has not answered');
    const patiently = db.transaction().execute(async (tx) => {
      await sql`${sql.raw('/* patient */ ')}select 1`.execute(tx);
      await sql`select pg_sleep(5)`.execute(tx);
    });
    await expect(patiently).resolves.toBeUndefined();
    await expect(sql`select pg_sleep(8)`.execute(db)).rejects.toThrow('has not answered');
    await db.destroy();
  });
});
