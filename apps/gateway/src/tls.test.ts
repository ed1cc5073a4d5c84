import { once } from 'node:events';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { AgentToServer, ServerToAgent, type ServerToAgentMessage } from '@muster/opamp/opamp';
import { GatewayRig, settle, token } from './gateway-rig.setup.ts';
import type { GatewaySettings } from './gateway-settings.ts';
import type { RunningGateway } from './start.ts';
import { TestAuthority, type TestCertificate } from '@muster/platform/test-certificates.setup';
import { readTlsFiles } from './tls-files.ts';

const uid = Buffer.from('0123456789abcdef');
const bearer = { authorization: `Bearer ${token}` };
const authority = new TestAuthority();
const foreign = new TestAuthority('a foreign authority');
const server = authority.issue('the server');
const client = authority.issue('an agent', 'DNS:agent');
const bound = authority.issue('an agent', 'URI:urn:uuid:30313233-3435-3637-3839-616263646566');
const stranger = foreign.issue('a stranger', 'DNS:stranger');

let rig: GatewayRig;
let gateway: RunningGateway;
let sockets: WebSocket[];

beforeEach(async () => {
  rig = new GatewayRig();
  await rig.open();
  sockets = [];
});

afterEach(async () => {
  for (const socket of sockets) socket.terminate();
  await rig.close();
});

async function start(settings: Partial<GatewaySettings> = {}): Promise<void> {
  const clientCaFile = settings.clientCaFile ?? null;
  const { certFile, keyFile } = server;
  gateway = await rig.gateway({ tls: { certFile, keyFile, clientCaFile }, ...settings });
}

function message(fields = {}): Buffer {
  const all = { instanceUid: uid, sequenceNum: 1, capabilities: 1, ...fields };
  return Buffer.from(AgentToServer.encode(all).finish());
}

interface Client {
  headers?: Record<string, string>;
  certificate?: TestCertificate;
  scheme?: 'wss' | 'ws';
}

/** A WebSocket that was let in; rejects with the status or the error otherwise. */
async function open({ headers = {}, certificate, scheme = 'wss' }: Client): Promise<WebSocket> {
  const socket = new WebSocket(`${scheme}://127.0.0.1:${gateway.port}/v1/opamp`, {
    ca: authority.pem,
    headers,
    ...(certificate && { cert: certificate.cert, key: certificate.key }),
  });
  sockets.push(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.once('error', reject);
    socket.once('unexpected-response', (_, response) => reject(new Error(`status ${response.statusCode}`)));
  });
  socket.on('error', () => {});
  return socket;
}

async function exchange(socket: WebSocket, fields = {}): Promise<ServerToAgentMessage> {
  socket.send(Buffer.concat([Buffer.of(0), message(fields)]));
  const [data] = (await once(socket, 'message')) as [Buffer];
  return ServerToAgent.decode(data.subarray(1));
}

/** One POST on a connection of its own: its status, and whose certificate the server has. */
function post(
  { headers = {}, certificate }: Client,
  fields = {},
): Promise<{ status: number; server: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      port: gateway.port,
      host: '127.0.0.1',
      path: '/v1/opamp',
      method: 'POST',
      agent: false,
      ca: authority.pem,
      ...(certificate && { cert: certificate.cert, key: certificate.key }),
      headers: { 'content-type': 'application/x-protobuf', ...headers },
    });
    outgoing.on('response', (incoming) => {
      const { subject } = (incoming.socket as TLSSocket).getPeerCertificate();
      incoming.resume();
      incoming.on('end', () => resolve({ status: incoming.statusCode!, server: String(subject.CN) }));
    });
    outgoing.on('error', reject);
    outgoing.end(message(fields));
  });
}

describe('TLS', () => {
  it('serves WebSocket and plain HTTP on one port, and nothing without it', async () => {
    await start();
    const socket = await open({ headers: bearer });
    expect((await exchange(socket)).errorResponse).toBeFalsy();
    expect(await post({ headers: bearer })).toEqual({ status: 200, server: 'the server' });
    expect((await post({})).status).toBe(401);
    await expect(open({ headers: bearer, scheme: 'ws' })).rejects.toThrow();
    await expect(fetch(`http://127.0.0.1:${gateway.port}/v1/opamp`)).rejects.toThrow();
  });

  it('gives new connections the new certificate, and keeps those that are open', async () => {
    // As Kubernetes does it: the files are links into a directory that is swapped by one rename.
    const volume = join(authority.directory, 'volume');
    const fill = (name: string, { cert, key }: { cert: string; key: string }) => {
      mkdirSync(join(volume, name), { recursive: true });
      writeFileSync(join(volume, name, 'tls.crt'), cert);
      writeFileSync(join(volume, name, 'tls.key'), key);
      symlinkSync(name, join(volume, '..data_tmp'));
      renameSync(join(volume, '..data_tmp'), join(volume, '..data'));
    };
    fill('..1', server);
    for (const file of ['tls.crt', 'tls.key']) symlinkSync(join('..data', file), join(volume, file));
    const paths = { certFile: join(volume, 'tls.crt'), keyFile: join(volume, 'tls.key'), clientCaFile: null };
    await start({ tls: paths });
    const before = await open({ headers: bearer });
    await exchange(before);

    const other = { instanceUid: Buffer.from('one that comes anew'.slice(0, 16)) };
    const seen: string[] = [];
    const hammer = { on: true };
    const hammering = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (hammer.on) seen.push((await post({ headers: bearer }, other)).server);
      }),
    );
    for (const [i, name] of ['second', 'third'].entries()) {
      fill(`..${name}`, authority.issue(name));
      if (i === 1) process.emit('SIGHUP');
      await rig.until(() => seen.at(-1) === name, 20_000);
    }
    expect(gateway.metrics).toMatchObject({ certificatesRenewed: 2, certificatesRefused: 0 });

    fill('..bad', { cert: authority.issue('bad').cert, key: server.key });
    process.emit('SIGHUP');
    await rig.until(() => gateway.metrics.certificatesRefused > 0, 20_000);
    expect((await post({ headers: bearer }, other)).server).toBe('third');
    hammer.on = false;
    // No connection failed on the way.
    await hammering;
    expect(before.readyState).toBe(WebSocket.OPEN);
    expect((await exchange(before, { sequenceNum: 2 })).errorResponse).toBeFalsy();
    const after = await open({ headers: bearer });
    await gateway.stop();
    await rig.until(() => [before, after].every(({ readyState }) => readyState === WebSocket.CLOSED));
  }, 60_000);
});

describe('client certificates', () => {
  it('let agents in beside tokens', async () => {
    await start({ clientCaFile: authority.file, tls: { ...server, clientCaFile: authority.file } });
    const socket = await open({ certificate: client });
    expect((await exchange(socket)).errorResponse).toBeFalsy();
    expect((await post({ certificate: client })).status).toBe(200);
    const other = { instanceUid: Buffer.from('another agent !!') };
    expect((await post({ headers: bearer }, other)).status).toBe(200);
    expect((await post({})).status).toBe(401);
    await rig.until(() => rig.reports.length > 0);
    expect(rig.reports[0]).toMatchObject({ enrollmentTokenId: '', connected: true });
  });

  it('do not make up for a token that is no good', async () => {
    await start({ clientCaFile: authority.file, tls: { ...server, clientCaFile: authority.file } });
    const headers = { authorization: 'Bearer wrong' };
    expect((await post({ certificate: client, headers })).status).toBe(401);
    await expect(open({ certificate: client, headers })).rejects.toThrow('401');
  });

  it('of a foreign authority are refused, whatever comes with them', async () => {
    await start({ clientCaFile: authority.file, tls: { ...server, clientCaFile: authority.file } });
    await expect(open({ certificate: stranger, headers: bearer })).rejects.toThrow();
    await expect(post({ certificate: stranger, headers: bearer })).rejects.toThrow();
  });

  it('are not asked for unless there is an authority for them', async () => {
    await start();
    expect((await post({ certificate: client })).status).toBe(401);
  });

  it.each([
    ['in its name', authority.issue('30313233-3435-3637-3839-616263646566', 'DNS:x')] as const,
    ['as urn', bound] as const,
  ])('that name an agent, %s, speak for no other', async (_, certificate) => {
    await start({ clientCaFile: authority.file, tls: { ...server, clientCaFile: authority.file } });
    const socket = await open({ certificate });
    expect((await exchange(socket)).errorResponse).toBeFalsy();
    const other = await exchange(socket, { instanceUid: Buffer.from('another agent !!') });
    expect(other.errorResponse).toMatchObject({
      type: 1,
      errorMessage: 'instance_uid: is not the one that the client certificate names',
    });
    expect(gateway.metrics.agents).toBe(1);
  });
});

describe('an agent that came by a client certificate', () => {
  const settings = { clientCaFile: authority.file, tls: { ...server, clientCaFile: authority.file } };
  const urn = 'URI:urn:uuid:30313233-3435-3637-3839-616263646566';
  const refused = /belongs to another client certificate/;

  it.each([
    ['names it', bound, authority.issue('renamed', urn)],
    ['names no agent', client, authority.issue('an agent', 'IP:192.0.2.1,DNS:agent')],
  ])('that %s is let in with a renewed one, and not by a token', async (_, certificate, renewed) => {
    rig.verdict = { ...rig.verdict, mayTakeOver: true } as typeof rig.verdict;
    await start(settings);
    const socket = await open({ certificate });
    await exchange(socket, { capabilities: 1 });
    await rig.until(() => rig.reports.length > 0);
    expect(rig.reports[0]!.certificateIdentity).toHaveLength(16);
    // Live, and away.
    const thief = await exchange(await open({ headers: bearer }), { sequenceNum: 2 });
    expect(thief.errorResponse?.errorMessage).toMatch(refused);
    socket.terminate();
    await rig.until(() => rig.reports.some(({ disconnected }) => disconnected));
    expect((await post({ headers: bearer }, { sequenceNum: 2 })).status).toBe(403);
    const back = await exchange(await open({ certificate: renewed }), { sequenceNum: 2 });
    expect([back.errorResponse, back.agentIdentification]).toEqual([null, null]);
    expect(rig.contested).toMatchObject([{ outcome: 'refused', remoteAddress: '127.0.0.1' }]);
  });

  it('that names no agent is not let in by one with other names', async () => {
    await start(settings);
    await exchange(await open({ certificate: client }));
    const other = authority.issue('an agent', 'DNS:another');
    const thief = await exchange(await open({ certificate: other }), { sequenceNum: 2 });
    expect(thief.errorResponse?.errorMessage).toMatch(refused);
  });

  it('after it came by a token is let in if that names it, and its token no more', async () => {
    await start(settings);
    const first = await open({ headers: bearer });
    await exchange(first);
    first.terminate();
    await rig.until(() => rig.reports.some(({ disconnected }) => disconnected));
    const shared = await exchange(await open({ certificate: client }), { sequenceNum: 2 });
    expect(shared.errorResponse?.errorMessage).toMatch(/belongs to another enrollment token/);
    const own = await open({ certificate: bound });
    expect((await exchange(own, { sequenceNum: 2 })).errorResponse).toBeNull();
    await rig.until(() => rig.contested.some(({ outcome }) => outcome === 'takenOver'));
    await rig.until(() => rig.reports.some(({ certificateIdentity }) => certificateIdentity !== undefined));
    own.terminate();
    await settle(400);
    const late = await exchange(await open({ headers: bearer }), { sequenceNum: 3 });
    expect(late.errorResponse?.errorMessage).toMatch(refused);
  });
});

describe('files for TLS', () => {
  const paths = { ...server, clientCaFile: null };

  it('are taken when they belong together', async () => {
    expect(await readTlsFiles(paths)).toMatchObject({ clientCaFile: null, warnings: [] });
  });

  it.each([
    [
      'certFile',
      '/nowhere/tls.crt',
      /MUSTER_OPAMP_TLS_CERT_FILE \/nowhere\/tls.crt cannot be read \(ENOENT\)/,
    ],
    ['certFile', authority.directory, /MUSTER_OPAMP_TLS_CERT_FILE .* cannot be read \(EISDIR\)/],
    ['certFile', server.keyFile, /MUSTER_OPAMP_TLS_CERT_FILE .* holds no certificate/],
    ['keyFile', '/nowhere/tls.key', /MUSTER_OPAMP_TLS_KEY_FILE \/nowhere\/tls.key cannot be read/],
    ['keyFile', server.certFile, /MUSTER_OPAMP_TLS_KEY_FILE .* holds no private key/],
    ['keyFile', client.keyFile, /MUSTER_OPAMP_TLS_KEY_FILE .* is not the key of the certificate/],
    ['clientCaFile', '/nowhere/ca.pem', /MUSTER_OPAMP_CLIENT_CA_FILE \/nowhere\/ca.pem cannot be read/],
    ['clientCaFile', server.keyFile, /MUSTER_OPAMP_CLIENT_CA_FILE .* holds no certificate/],
  ])('are refused when %s is %s', async (name, path, problem) => {
    await expect(readTlsFiles({ ...paths, [name]: path })).rejects.toThrow(problem);
    await expect(rig.gateway({ tls: { ...paths, [name]: path } })).rejects.toMatchObject({
      code: 'tls-unusable',
    });
  });

  it('warn when they have expired, will soon, or cost much', async () => {
    const inDays = (days: number) => Date.now() + days * 24 * 3_600_000;
    expect((await readTlsFiles(paths, inDays(40))).warnings[0]).toMatch(
      /expired on .*: agents will refuse it/,
    );
    expect((await readTlsFiles(paths, inDays(20))).warnings[0]).toMatch(/expires on/);
    expect((await readTlsFiles(paths, inDays(-2))).warnings[0]).toMatch(/not valid before/);
    const rsa = { ...authority.issue('rsa', undefined, { rsa: true }), clientCaFile: null };
    expect((await readTlsFiles(rsa)).warnings[0]).toMatch(/RSA/);
  });
});
