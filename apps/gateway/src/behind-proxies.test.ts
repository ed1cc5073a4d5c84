import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeWebSocket } from '@muster/opamp/fake-connection';
import { AgentToServer } from '@muster/opamp/opamp';
import { forwardedCertificate } from './client-certificates.ts';
import { GatewayRig, opampUrl, token } from './gateway-rig.setup.ts';
import type { GatewaySettings } from './gateway-settings.ts';
import type { RunningGateway } from './start.ts';
import { TestAuthority } from '@muster/platform/test-certificates.setup';

const authority = new TestAuthority();
const client = authority.issue('an agent', 'DNS:agent');
const bound = authority.issue('an agent', 'URI:urn:uuid:30313233-3435-3637-3839-616263646566');
const stranger = new TestAuthority('a foreign authority').issue('a stranger', 'DNS:stranger');
const forServers = authority.issue('a server', 'DNS:server', { extensions: 'extendedKeyUsage=serverAuth' });
const bearer = { authorization: `Bearer ${token}` };
const trusted = { trustedProxies: ['127.0.0.0/8'] };

let rig: GatewayRig;
let gateway: RunningGateway;

beforeEach(async () => {
  rig = new GatewayRig();
  await rig.open();
});

afterEach(() => rig.close());

async function start(settings: Partial<GatewaySettings>): Promise<void> {
  gateway = await rig.gateway(settings);
}

function message(uid: Uint8Array): Buffer {
  return Buffer.from(AgentToServer.encode({ instanceUid: uid, sequenceNum: 1, capabilities: 1 }).finish());
}

const uid = Buffer.from('0123456789abcdef');

async function post(headers: Record<string, string>, instanceUid: Uint8Array = uid): Promise<number> {
  const response = await fetch(opampUrl(gateway, 'http'), {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf', ...headers },
    body: message(instanceUid),
  });
  await response.arrayBuffer();
  return response.status;
}

/** A PROXY protocol header, version 2: TCP over IPv4, or LOCAL. */
function proxyHeader(source: string | null, extra = 0): Buffer {
  const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
  if (source === null) return Buffer.concat([signature, Buffer.of(0x20, 0, 0, 0)]);
  const addresses = Buffer.from([...source.split('.').map(Number), 10, 0, 0, 9, 0x30, 0x39, 0x10, 0xe0]);
  const head = Buffer.of(0x21, 0x11, 0, addresses.length + extra);
  return Buffer.concat([signature, head, addresses, Buffer.alloc(extra, 0)]);
}

/** Sends a POST after `prefix`; its status, or null when there is none for so long or the connection is closed. */
async function postAfter(prefix: Uint8Array | string, waitMs = 5_000): Promise<number | null> {
  const socket = connect(gateway.port, '127.0.0.1');
  await once(socket, 'connect');
  const body = message(uid);
  socket.write(prefix);
  socket.write(
    `POST /v1/opamp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nX-Forwarded-For: 8.8.8.8\r\n` +
      `Content-Type: application/x-protobuf\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  socket.write(body);
  socket.on('error', () => {});
  let heard = '';
  socket.on('data', (data: Buffer) => {
    heard += data.toString('latin1');
    socket.destroy();
  });
  const impatience = setTimeout(() => socket.destroy(), waitMs);
  await once(socket, 'close');
  clearTimeout(impatience);
  const status = /^HTTP\/1\.1 (\d+)/.exec(heard);
  return status && Number(status[1]);
}

async function reportedAddress(): Promise<string> {
  await rig.until(() => rig.reports.length > 0);
  return rig.reports[0]!.remoteAddress;
}

describe('the address of a client', () => {
  it('is what a trusted proxy forwards it for, on both transports', async () => {
    await start(trusted);
    expect(await post({ ...bearer, 'x-forwarded-for': '8.8.8.8, 198.51.100.7' })).toBe(200);
    expect(await reportedAddress()).toBe('198.51.100.7');
    const agent = rig.agent(gateway, { headers: { 'x-forwarded-for': '2001:db8::7' } });
    await agent.start();
    await rig.until(() => rig.reportsOf(agent).length > 0);
    expect(rig.reportsOf(agent)[0]!.remoteAddress).toBe('2001:db8::7');
  });

  it('is what a trusted proxy says by PROXY protocol', async () => {
    await start(trusted);
    expect(await postAfter(proxyHeader('198.51.100.7'))).toBe(200);
    expect(await reportedAddress()).toBe('198.51.100.7');
  });

  it('may have extensions after it in the PROXY protocol, up to 24 bytes', async () => {
    await start(trusted);
    expect(await postAfter(proxyHeader('198.51.100.7', 24))).toBe(200);
    expect(await postAfter(proxyHeader('198.51.100.7', 25), 500)).not.toBe(200);
  });

  it('is the proxy’s own when it speaks for itself', async () => {
    await start({ trustedProxies: ['127.0.0.1'] });
    expect(await postAfter(proxyHeader(null))).toBe(200);
    expect(await reportedAddress()).toBe('8.8.8.8');
  });

  it.each([
    ['nobody is trusted', []],
    ['somebody else is', ['10.0.0.0/8']],
  ])('is that of the connection when %s', async (_, trustedProxies) => {
    await start({ trustedProxies });
    expect(await postAfter(proxyHeader('198.51.100.7'))).toBe(200);
    expect(await reportedAddress()).toBe('127.0.0.1');
  });

  it('is not taken from version 1 of the PROXY protocol, which is refused', async () => {
    await start(trusted);
    expect(await postAfter('PROXY TCP4 198.51.100.7 10.0.0.9 12345 4320\r\n')).not.toBe(200);
    expect(rig.reports).toHaveLength(0);
  });
});

const nginx = { certificateHeader: 'ssl-client-cert' };
const envoy = { certificateHeader: 'x-forwarded-client-cert' };
const escape = ({ cert }: { cert: string }) => encodeURIComponent(cert);
const element = (certificate: { cert: string }) =>
  `By=spiffe://x;Hash=00;Subject="CN=a\\,b,O=c";Cert="${escape(certificate)}";URI=`;

describe('a certificate that a proxy passes on', () => {
  const settings = { ...trusted, clientCaFile: authority.file };

  it('lets an agent in, from a trusted proxy', async () => {
    await start({ ...settings, ...nginx });
    expect(await post({ 'ssl-client-cert': escape(client) })).toBe(200);
    const socket = await FakeWebSocket.open(opampUrl(gateway, 'ws'), { 'ssl-client-cert': escape(client) });
    await socket.close();
  });

  it('lets an agent in as Envoy writes it, of the last element alone', async () => {
    await start({ ...settings, ...envoy });
    expect(await post({ 'x-forwarded-client-cert': element(client) })).toBe(200);
    expect(await post({ 'x-forwarded-client-cert': `${element(stranger)},${element(client)}` })).toBe(200);
    expect(await post({ 'x-forwarded-client-cert': `${element(client)},${element(stranger)}` })).toBe(401);
    expect(await post({ 'x-forwarded-client-cert': `${element(client)},By=x;Hash=00` })).toBe(401);
  });

  it('speaks for no other agent than it names', async () => {
    await start({ ...settings, ...nginx });
    const headers = { 'ssl-client-cert': escape(bound) };
    expect(await post(headers)).toBe(200);
    await post(headers, Buffer.from('another agent !!'));
    expect(gateway.metrics).toMatchObject({ agents: 1, malformed: 1 });
  });

  it.each([
    ['of a foreign authority', escape(stranger)],
    ['for another use', escape(forServers)],
    ['that is none', 'nonsense'],
    ['that is not escaped well', '%E0%A4%A'],
  ])('%s lets nobody in', async (_, header) => {
    await start({ ...settings, ...nginx });
    expect(await post({ 'ssl-client-cert': header })).toBe(401);
  });

  it.each([
    ['from somebody who is not trusted', { ...settings, ...nginx, trustedProxies: ['10.0.0.0/8'] }],
    ['when nobody is trusted', { ...settings, ...nginx, trustedProxies: [] }],
    ['in another header', { ...settings, ...envoy }],
    ['when no header is set', settings],
    ['when there is no authority', { ...trusted, ...nginx }],
  ])('counts nothing %s', async (_, other) => {
    await start(other);
    expect(await post({ 'ssl-client-cert': escape(client) })).toBe(401);
    expect(await post({ 'ssl-client-cert': escape(client), ...bearer })).toBe(200);
  });
});

it('reads no certificate where there is none', () => {
  for (const header of ['', 'By=x;Hash=00', 'Cert=""', ','])
    expect(forwardedCertificate(header).trim()).not.toContain('BEGIN');
});
