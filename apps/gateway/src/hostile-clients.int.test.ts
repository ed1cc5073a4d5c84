import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { FakeWebSocket } from '@muster/opamp/fake-connection';
import { AgentToServer, ServerToAgent, serverError } from '@muster/opamp/opamp';
import { GatewayRig, opampUrl, token } from './gateway-rig.setup.ts';
import type { GatewaySettings } from './gateway-settings.ts';
import type { RunningGateway } from './start.ts';

vi.setConfig({ testTimeout: 60_000 });

const MiB = 1024 * 1024;
const uid = Buffer.from('0123456789abcdef');

let rig: GatewayRig;
let gateway: RunningGateway;
let sockets: (Socket | WebSocket)[];

beforeEach(async () => {
  rig = new GatewayRig();
  await rig.open();
  sockets = [];
});

afterEach(async () => {
  for (const socket of sockets)
    if (socket instanceof WebSocket) socket.terminate();
    else socket.destroy();
  await rig.close();
});

async function start(settings: Partial<GatewaySettings> = {}): Promise<void> {
  gateway = await rig.gateway(settings);
}

function message(fields = {}): Buffer {
  return Buffer.from(
    AgentToServer.encode({ instanceUid: uid, sequenceNum: 1, capabilities: 1, ...fields }).finish(),
  );
}

/** A connection to the gateway that says what it is told to, and keeps what it hears. */
class RawClient {
  readonly socket: Socket;
  heard = Buffer.alloc(0);
  closed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (data) => (this.heard = Buffer.concat([this.heard, data])));
    socket.on('error', () => {});
    socket.on('close', () => (this.closed = true));
  }

  static async open(): Promise<RawClient> {
    const socket = connect(gateway.port, '127.0.0.1');
    sockets.push(socket);
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  get status(): number | null {
    const head = /^HTTP\/1\.1 (\d{3})/.exec(this.heard.toString('latin1'));
    return head && Number(head[1]);
  }

  /** Writes all of it, as a client does that does not listen before it has; false: the connection broke. */
  async writeAll(data: Uint8Array, times = 1): Promise<boolean> {
    for (let i = 0; i < times; i++) {
      const flushed = await new Promise<boolean>((resolve) => {
        this.socket.once('close', () => resolve(false));
        this.socket.write(data, (error) => resolve(!error));
      });
      this.socket.removeAllListeners('close').on('close', () => (this.closed = true));
      if (!flushed) return false;
    }
    return true;
  }

  head(contentLength: number | 'chunked', headers: Record<string, string> = {}): void {
    const all = {
      Host: 'x',
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/x-protobuf',
      ...(contentLength === 'chunked'
        ? { 'Transfer-Encoding': 'chunked' }
        : { 'Content-Length': String(contentLength) }),
      ...headers,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    this.socket.write(`POST /v1/opamp HTTP/1.1\r\n${lines.join('')}\r\n`);
  }

  async upgrade(): Promise<void> {
    this.socket.write(
      'GET /v1/opamp HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    );
    await rig.until(() => this.heard.includes('101'));
  }
}

/** The head of a masked binary frame that announces `length` bytes; its mask changes nothing. */
function frameHead(length: number, opcode = 2, fin = true): Buffer {
  const head = Buffer.alloc(14);
  head[0] = (fin ? 0x80 : 0) | opcode;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

async function webSocket(options: { autoPong?: boolean } = {}): Promise<WebSocket> {
  const socket = new WebSocket(opampUrl(gateway, 'ws'), {
    headers: { authorization: `Bearer ${token}` },
    perMessageDeflate: false,
    ...options,
  });
  sockets.push(socket);
  socket.on('error', () => {});
  await once(socket, 'open');
  return socket;
}

async function answeredWithin(ms: number): Promise<void> {
  const agent = rig.agent(gateway);
  const polling = rig.agent(gateway, { http: true });
  const start = performance.now();
  await Promise.all([agent.start(), polling.start()]);
  await Promise.all([agent.heartbeat(), polling.heartbeat()]);
  expect(performance.now() - start).toBeLessThan(ms);
}

describe('HTTP bodies', () => {
  it('that stall do not hold others up', async () => {
    await start();
    const stalled = await Promise.all(Array.from({ length: 200 }, () => RawClient.open()));
    for (const [i, client] of stalled.entries()) {
      client.head(i % 2 ? 1_000_000 : 'chunked');
      client.socket.write(i % 2 ? message() : '10\r\nabc');
    }
    await answeredWithin(1_000);
    expect(stalled.every(({ closed }) => !closed)).toBe(true);
  });

  it('that take too long are given up with 408', async () => {
    await start({ bodyTimeoutMs: 300 });
    const client = await RawClient.open();
    client.head(1_000);
    for (let i = 0; i < 50 && client.status === null; i++) {
      client.socket.write('x');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(client.status).toBe(408);
    expect(client.heard.toString()).toContain('Connection: close');
    expect(gateway.metrics.bodiesTooSlow).toBe(1);
    await answeredWithin(1_000);
  });

  it.each(['announced', 'in chunks'] as const)(
    'that are too large, %s, are answered with 413 to a client that sends all before it listens',
    async (how) => {
      await start({ maxMessageBytes: 4 * MiB });
      const client = await RawClient.open();
      const piece = Buffer.alloc(MiB);
      client.head(how === 'announced' ? 7 * MiB : 'chunked');
      client.socket.pause();
      for (let i = 0; i < 7; i++) {
        if (how === 'in chunks') client.socket.write('100000\r\n');
        expect(await client.writeAll(piece)).toBe(true);
        if (how === 'in chunks') client.socket.write('\r\n');
      }
      if (how === 'in chunks') client.socket.write('0\r\n\r\n');
      client.socket.resume();
      await rig.until(() => client.heard.toString().endsWith('0\r\n\r\n'), 10_000);
      expect(client.status).toBe(413);
      expect(gateway.metrics.bodiesTooLarge).toBe(1);
    },
  );

  it('that are too large and never end are cut off', async () => {
    await start({ maxMessageBytes: MiB });
    const client = await RawClient.open();
    client.head(1_000 * MiB);
    expect(await client.writeAll(Buffer.alloc(MiB), 100)).toBe(false);
    await rig.until(() => client.closed, 10_000);
  });

  it('take no more memory together than is set, and small ones still pass', async () => {
    await start({ maxMessageBytes: 16 * MiB, unfinishedBytes: 32 * MiB });
    const before = process.memoryUsage.rss();
    const attackers = await Promise.all(Array.from({ length: 30 }, () => RawClient.open()));
    const almostAll = Buffer.alloc(15 * MiB);
    for (const client of attackers) {
      client.head(16 * MiB);
      client.socket.write(almostAll);
    }
    await rig.until(() => attackers.filter(({ status }) => status === 503).length >= 27, 20_000);
    expect(attackers[29]!.heard.toString()).toMatch(/Retry-After: [3-6]\d\r\n/);
    expect(gateway.metrics.bodiesWithoutRoom).toBeGreaterThanOrEqual(27);
    // Twice the budget and some for the process itself; all bodies would be 450 MiB.
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * MiB);
    await answeredWithin(1_000);
    for (const { socket } of attackers) socket.destroy();
    const large = rig.agent(gateway, { http: true });
    large.state.effectiveConfig = { configMap: { configMap: { '': { body: Buffer.alloc(10 * MiB) } } } };
    await rig.until(() => gateway.metrics.bodyBytes === 0, 5_000);
    await large.start();
  });

  it('that are gzip bombs are refused with memory flat', async () => {
    await start();
    const bomb = gzipSync(Buffer.alloc(300 * MiB));
    globalThis.gc?.();
    const before = process.memoryUsage.rss();
    let most = 0;
    const timer = setInterval(() => (most = Math.max(most, process.memoryUsage.rss() - before)), 20);
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/x-protobuf',
      'content-encoding': 'gzip',
    };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () =>
        fetch(opampUrl(gateway, 'http'), { method: 'POST', headers, body: bomb }),
      ),
    );
    clearInterval(timer);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 413));
    // One at a time, up to the limit of 16 MiB; all would be 2,400 MiB whole.
    expect(most).toBeLessThan(300 * MiB);
    await answeredWithin(2_000);
  });
});

describe('WebSockets', () => {
  it('take messages in fragments, and 1009 ends one that grows over the limit', async () => {
    await start({ maxMessageBytes: 64 * 1024 });
    const socket = await webSocket();
    const answers: Buffer[] = [];
    socket.on('message', (data: Buffer) => answers.push(data));
    const report = Buffer.concat([Buffer.of(0), message()]);
    for (let i = 0; i < report.length; i += 4)
      socket.send(report.subarray(i, i + 4), { fin: i + 4 >= report.length });
    await rig.until(() => answers.length === 1);
    expect(ServerToAgent.decode(answers[0]!.subarray(1)).errorResponse).toBeFalsy();
    for (let i = 0; i < 9; i++) socket.send(Buffer.alloc(8 * 1024), { fin: i === 8 });
    expect((await once(socket, 'close'))[0]).toBe(1009);
  });

  it('that complete neither a message nor a pong are closed, others are not', async () => {
    await start({ idleMs: 2_000 });
    const idle = await webSocket();
    const silent = await webSocket({ autoPong: false });
    const dripping = await RawClient.open();
    await dripping.upgrade();
    dripping.socket.write(frameHead(1_000));
    const drip = setInterval(() => dripping.socket.write('x'), 100);
    const [code] = (await once(silent, 'close')) as [number];
    expect(code).toBe(1001);
    await rig.until(() => dripping.closed || dripping.heard.includes(Buffer.of(0x03, 0xe9)), 5_000);
    clearInterval(drip);
    expect(gateway.metrics.connectionsSilent).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(idle.readyState).toBe(WebSocket.OPEN);
  });

  it('that never read what they are sent are cut', async () => {
    await start({ idleMs: 2_000, maxMessageBytes: 32 * MiB });
    const agent = rig.agent(gateway);
    await agent.start();
    (agent.connection as FakeWebSocket).stopReading();
    await rig.desire('x'.repeat(20 * MiB), agent);
    await rig.until(() => gateway.metrics.connectionsNotReading === 1, 10_000);
    await answeredWithin(1_000);
  });

  it('that send too much are answered with UNAVAILABLE, and closed if they go on', async () => {
    await start({ messagesPerSecond: 10 });
    const socket = await webSocket();
    const answers: Buffer[] = [];
    socket.on('message', (data: Buffer) => answers.push(data));
    const closed = once(socket, 'close');
    const heartbeat = Buffer.concat([Buffer.of(0), message()]);
    socket.send(heartbeat);
    await rig.until(() => answers.length === 1);
    for (let i = 0; i < 1_000; i++) socket.send(heartbeat);
    expect((await closed)[0]).toBe(1013);
    const errors = answers.flatMap((answer) => ServerToAgent.decode(answer.subarray(1)).errorResponse ?? []);
    expect(answers.length - errors.length).toBeGreaterThanOrEqual(100);
    expect(errors.length).toBeGreaterThanOrEqual(95);
    for (const { type, retryInfo } of errors) {
      expect(type).toBe(serverError.unavailable);
      expect(Number(retryInfo!.retryAfterNanoseconds)).toBeGreaterThanOrEqual(30e9);
    }
    expect(gateway.metrics).toMatchObject({ connectionsOverRate: 1 });
    await answeredWithin(1_000);
  });

  it('that carry many agents may send as much more', async () => {
    await start({ messagesPerSecond: 2 });
    const carrier = rig.agent(gateway);
    await carrier.start();
    const agents = Array.from({ length: 300 }, () => rig.agent(gateway));
    await Promise.all(agents.map((agent) => agent.start(carrier.connection)));
    for (let i = 0; i < 10; i++) await Promise.all(agents.map((agent) => agent.heartbeat()));
    expect(gateway.metrics.messagesOverRate).toBe(0);
  });

  it('that stall in a large message are cut when memory runs short, others are not', async () => {
    await start({ maxMessageBytes: 32 * MiB, unfinishedBytes: 64 * MiB });
    const agent = rig.agent(gateway);
    await agent.start();
    const idle = await webSocket();
    const attackers = await Promise.all(Array.from({ length: 8 }, () => RawClient.open()));
    const most = Buffer.alloc(30 * MiB, 1);
    const before = process.memoryUsage.rss();
    for (const client of attackers) {
      await client.upgrade();
      client.socket.write(frameHead(31 * MiB));
      client.socket.write(most);
    }
    // Two of them fit into the budget, and may stay.
    await rig.until(() => gateway.metrics.connectionsShed >= 6, 30_000);
    await rig.until(() => process.memoryUsage.rss() - before < 150 * MiB, 10_000);
    await agent.heartbeat();
    expect(idle.readyState).toBe(WebSocket.OPEN);
    await rig.until(() => attackers.filter(({ closed }) => !closed).length <= 2, 10_000);
  });
});
