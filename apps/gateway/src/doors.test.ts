import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConnectionRefused, FakeWebSocket } from '@muster/opamp/fake-connection';
import { AgentToServer, ServerToAgent, type ServerToAgentMessage } from '@muster/opamp/opamp';
import { GatewayRig, opampUrl, settle, token, tokenId } from './gateway-rig.setup.ts';
import type { RunningGateway } from './start.ts';

const limit = 64 * 1024;
const uid = Buffer.from('0123456789abcdef');
const bearer = { authorization: `Bearer ${token}` };
const protobuf = { 'content-type': 'application/x-protobuf' };

let rig: GatewayRig;
let gateway: RunningGateway;

beforeEach(async () => {
  rig = new GatewayRig();
  await rig.open();
  gateway = await rig.gateway({ maxMessageBytes: limit });
});

afterEach(() => rig.close());

function message(fields = {}): Buffer {
  return Buffer.from(
    AgentToServer.encode({ instanceUid: uid, sequenceNum: 1, capabilities: 1, ...fields }).finish(),
  );
}

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

/** A request with exactly these headers. */
function send(
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: Uint8Array,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ port: gateway.port, host: '127.0.0.1', method, path, headers }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode!, headers: incoming.headers, body: Buffer.concat(chunks) }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function post(body: Uint8Array, headers: Record<string, string> = {}): Promise<Answer> {
  return send('POST', '/v1/opamp', { ...bearer, ...protobuf, ...headers }, body);
}

describe('plain HTTP', () => {
  it('answers with the protobuf of the right agent', async () => {
    const { status, headers, body } = await post(message(), {
      'content-type': 'Application/X-Protobuf; charset=utf-8',
    });
    expect([status, headers['content-type']]).toEqual([200, 'application/x-protobuf']);
    expect(Buffer.from(ServerToAgent.decode(body).instanceUid)).toEqual(uid);
  });

  it.each([
    ['another media type', 415, { 'content-type': 'application/json' }],
    ['an unknown encoding', 415, { 'content-encoding': 'snappy' }],
    ['a body that is not the gzip it says', 400, { 'content-encoding': 'gzip' }],
    ['no credential', 401, { authorization: '' }],
    ['a wrong credential', 401, { authorization: 'Bearer wrong' }],
    ['another scheme', 401, { authorization: `Digest ${token}` }],
  ])('refuses %s with %i', async (_, status, headers: Record<string, string>) => {
    expect((await post(message(), headers)).status).toBe(status);
    expect(gateway.metrics.agents).toBe(0);
  });

  it('takes a token as Basic password too', async () => {
    const basic = Buffer.from(`agent:${token}`).toString('base64');
    expect((await post(message(), { authorization: `Basic ${basic}` })).status).toBe(200);
  });

  it('refuses other methods and paths', async () => {
    expect((await send('PUT', '/v1/opamp', { ...bearer, ...protobuf }, message())).status).toBe(405);
    expect((await send('GET', '/v1/opamp', bearer)).status).toBe(426);
    expect((await send('POST', '/', { ...bearer, ...protobuf }, message())).status).toBe(404);
  });

  it('takes gzip', async () => {
    const { status, body } = await post(gzipSync(message()), { 'content-encoding': 'gzip' });
    expect(status).toBe(200);
    expect(Buffer.from(ServerToAgent.decode(body).instanceUid)).toEqual(uid);
  });

  it.each([
    ['gzip', true],
    ['br, *;q=0.1', true],
    ['gzip;q=0', false],
    ['deflate', false],
  ])('answers to Accept-Encoding %s with gzip: %s', async (acceptEncoding, packed) => {
    const { headers, body } = await post(message(), { 'accept-encoding': acceptEncoding });
    expect(headers['content-encoding']).toBe(packed ? 'gzip' : undefined);
    expect(Buffer.from(ServerToAgent.decode(packed ? gunzipSync(body) : body).instanceUid)).toEqual(uid);
  });

  it('refuses what is too large, as sent and unpacked', async () => {
    expect((await post(Buffer.alloc(limit + 1))).status).toBe(413);
    expect((await post(gzipSync(Buffer.alloc(2_000_000)), { 'content-encoding': 'gzip' })).status).toBe(413);
    expect((await post(message())).status).toBe(200);
  });

  it('says what is wrong with a message', async () => {
    const { status, body } = await post(Buffer.from('not protobuf at all'));
    expect(status).toBe(200);
    expect(ServerToAgent.decode(body).errorResponse).toMatchObject({ type: 1 });
    expect(ServerToAgent.decode(body).capabilities).toEqual(
      ServerToAgent.decode(Buffer.alloc(0)).capabilities,
    );
  });

  it('takes a bare poll for what it is', async () => {
    const agent = rig.agent(gateway, { http: true });
    await agent.start();
    for (let i = 0; i < 3; i++) await agent.exchange({ sequenceNum: 0, capabilities: 0 });
    agent.sequenceNum = 0;
    await agent.heartbeat();
    await settle();
    expect(agent.fullStateAsked).toBe(0);
    expect(rig.reportsOf(agent)).toHaveLength(1);
  });

  it('answers an overtaken message without taking it for news', async () => {
    const agent = rig.agent(gateway, { http: true });
    await agent.start();
    await agent.exchange({ sequenceNum: 2, health: { status: 'newer' } });
    await agent.exchange({ sequenceNum: 1, health: { status: 'older' } });
    await rig.until(() => rig.reportsOf(agent).some(({ said }) => said.health?.status === 'older'));
    const older = rig.reportsOf(agent).find(({ said }) => said.health?.status === 'older')!;
    expect(older.sequenceNum).toBe(1);
    const last = rig.reportsOf(agent).at(-1)!;
    expect(last.epoch).toBe(older.epoch);
  });

  it('forgets who is silent for too long', async () => {
    const impatient = await rig.gateway({ id: 'gateway-b', httpSilenceMs: 150 });
    const agent = rig.agent(impatient, { http: true });
    await agent.start();
    await rig.until(() => rig.reportsOf(agent).some((report) => report.disconnected));
    await agent.heartbeat();
    expect(agent.fullStateAsked).toBe(0);
    await rig.until(() => rig.reportsOf(agent).filter((report) => report.connected).length === 2);
  });
});

it('answers wrong tokens beyond the limit of their address with when to come again, by either door', async () => {
  const strict = await rig.gateway({ id: 'gateway-b', wrongCredentialsPerMinute: 5 });
  await rig.agent(strict).start();
  const wrong = (n: number) => ({ ...protobuf, authorization: `Bearer wrong-${n}` });
  const begun = performance.now();
  const answers = [];
  for (let n = 0; n < 100; n++) {
    const response = await fetch(opampUrl(strict, 'http'), {
      method: 'POST',
      headers: wrong(n),
      body: message(),
    });
    answers.push([response.status, Number(response.headers.get('retry-after'))] as const);
  }
  expect(answers.map(([status]) => status)).toEqual([
    ...Array<number>(4).fill(401),
    ...Array<number>(96).fill(429),
  ]);
  expect(Math.min(...answers.slice(4).map(([, seconds]) => seconds))).toBeGreaterThanOrEqual(30);
  await expect(FakeWebSocket.open(opampUrl(strict, 'ws'), wrong(41))).rejects.toMatchObject({ status: 429 });
  const seconds = (performance.now() - begun) / 1_000;
  expect(rig.asked.verify).toBeLessThan(1 + 5 + 20 * (seconds + 1) + 1);
  await rig.agent(strict).start();
  expect(strict.metrics.agents).toBe(2);
});

describe('WebSocket', () => {
  it.each([[{}], [{ authorization: 'Bearer wrong' }], [{ authorization: 'Basic bm9jb2xvbg==' }]])(
    'refuses the handshake without a good credential: %o',
    async (headers) => {
      const refused = FakeWebSocket.open(opampUrl(gateway, 'ws'), headers);
      await expect(refused).rejects.toMatchObject({ status: 401 });
    },
  );

  it('remembers a verdict and asks once for many at a time', async () => {
    const agents = Array.from({ length: 20 }, () => rig.agent(gateway));
    await Promise.all(agents.map((agent) => agent.start()));
    await agents[0]!.cut();
    await agents[0]!.reconnect();
    expect(rig.asked.verify).toBe(1);
  });

  it('answers what is malformed and stays open, and others see nothing of it', async () => {
    const other = rig.agent(gateway);
    await other.start();
    const socket = await FakeWebSocket.open(opampUrl(gateway, 'ws'), bearer);
    const answers: ServerToAgentMessage[] = [];
    socket.onMessage((answer) => answers.push(answer));
    const malformed = [
      'a text message',
      Buffer.concat([Buffer.of(1), message()]),
      Buffer.alloc(11, 0xff),
      Buffer.of(0),
      Buffer.concat([Buffer.of(0), message(), Buffer.of(0x2a, 5)]),
      Buffer.concat([Buffer.of(0), message(), Buffer.of(0x2a, 3, 0x1a, 1, 0xff)]),
      Buffer.concat([Buffer.of(0), message({ instanceUid: Buffer.alloc(16) })]),
    ];
    for (const data of malformed) await socket.sendRaw(data);
    await rig.until(() => answers.length === malformed.length);
    expect(answers.map(({ errorResponse }) => errorResponse!.type)).toEqual(malformed.map(() => 1));
    expect(answers.at(-2)!.errorResponse!.errorMessage).toBe('health: has text that is not UTF-8');
    expect(socket.frames.every((frame) => frame[0] === 0)).toBe(true);
    expect(gateway.metrics).toMatchObject({ agents: 1, malformed: malformed.length });
    await other.heartbeat();
    await socket.close();
    expect(other.fullStateAsked).toBe(0);
  });

  it('lets go of who sends nothing but nonsense', async () => {
    const socket = await FakeWebSocket.open(opampUrl(gateway, 'ws'), bearer);
    for (let i = 0; i < 10; i++) await socket.sendRaw('nonsense').catch(() => {});
    expect(await socket.closed).toBe(1008);
  });

  it('takes a message at the limit and closes with 1009 over it', async () => {
    const agent = rig.agent(gateway);
    await agent.start();
    const room =
      limit -
      1 -
      message({ effectiveConfig: { configMap: { configMap: { '': { body: Buffer.alloc(limit / 2) } } } } })
        .length;
    const body = Buffer.alloc(limit / 2 + room - 32);
    await agent.report({ effectiveConfig: { configMap: { configMap: { '': { body } } } } });
    const { closed } = agent.connection as FakeWebSocket;
    await agent.send({
      effectiveConfig: { configMap: { configMap: { '': { body: Buffer.alloc(limit) } } } },
    });
    expect(await closed).toBe(1009);
    await agent.reconnect();
    expect(agent.received.at(-1)!.errorResponse).toBeFalsy();
  });

  it('never sends more than the limit, and says why', async () => {
    const agent = rig.agent(gateway);
    await agent.start();
    const { hash } = await rig.desire('x'.repeat(limit), agent);
    await rig.until(() => rig.reportsOf(agent).some((report) => report.offerError !== ''));
    await agent.heartbeat();
    const [problem, ...others] = rig.reportsOf(agent).filter((report) => report.offerError !== '');
    expect(problem!.offerError).toContain(`the limit is ${limit}`);
    expect(Buffer.from(problem!.offeredConfigHash).toString('hex')).toBe(hash);
    expect([others, agent.offers]).toEqual([[], []]);
  });

  it('turns away whom it cannot let in fast enough, for at least 30 s', async () => {
    const slow = await rig.gateway({ id: 'gateway-b', acceptsPerSecond: 2, leaseTtlMs: 300 });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 12 }, () => FakeWebSocket.open(opampUrl(slow, 'ws'), bearer)),
    );
    const refused = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [outcome.reason as ConnectionRefused] : [],
    );
    expect(refused.length).toBeGreaterThanOrEqual(8);
    expect(
      refused.every(({ status, retryAfter }) => status === 503 && retryAfter! >= 30 && retryAfter! <= 40),
    ).toBe(true);
    for (const outcome of outcomes) if (outcome.status === 'fulfilled') await outcome.value.cut();
    // Agents of a gateway that is dead have as long to come back.
    await expect.poll(() => rig.presence.returnsWithin(), { timeout: 5_000 }).toBeGreaterThan(30_000);
  });
});

describe('a token', () => {
  it('that is revoked closes the connections it let in, and lets nobody in again', async () => {
    const socketAgent = rig.agent(gateway);
    const pollingAgent = rig.agent(gateway, { http: true });
    await socketAgent.start();
    await pollingAgent.start();
    const { closed } = socketAgent.connection as FakeWebSocket;
    rig.verdict = { accepted: false, reason: 'revoked' };
    rig.bus.broadcast('access.token-revoked', { id: tokenId });
    expect(await closed).toBe(1008);
    await expect(socketAgent.connect()).rejects.toMatchObject({ status: 401 });
    await expect(pollingAgent.send()).rejects.toMatchObject({ status: 401 });
    await rig.until(() =>
      [socketAgent, pollingAgent].every((agent) =>
        rig.reportsOf(agent).some((report) => report.disconnected),
      ),
    );
  });

  it('that has run out lets nobody in', async () => {
    rig.verdict = { accepted: true, enrollmentTokenId: tokenId, expiresAt: Date.now() - 1, limited: false };
    await expect(rig.agent(gateway).start()).rejects.toMatchObject({ status: 401 });
  });

  it('that is limited is asked about every agent', async () => {
    rig.verdict = { accepted: true, enrollmentTokenId: tokenId, expiresAt: null, limited: true };
    await rig.agent(gateway).start();
    expect(rig.asked.enroll).toBe(1);
    rig.mayEnroll = false;
    const late = rig.agent(gateway);
    await late.connect();
    const { closed } = late.connection as FakeWebSocket;
    await late.send(late.state);
    expect(await closed).toBe(1008);
    const latePoll = rig.agent(gateway, { http: true });
    await expect(latePoll.start()).rejects.toMatchObject({ status: 401 });
    await settle();
    expect(rig.reportsOf(late)).toHaveLength(0);
  });
});

it('names the port that is taken', async () => {
  const settings = { id: 'gateway-b', port: gateway.port };
  await expect(rig.gateway(settings)).rejects.toMatchObject({
    code: 'cannot-listen',
    message: expect.stringMatching(
      new RegExp(`127\\.0\\.0\\.1 port ${gateway.port}: the port is in use.*MUSTER_OPAMP_PORT`),
    ) as string,
  });
});

it('lets in at once all who come while their credential is asked about', async () => {
  const agents = Array.from({ length: 50 }, () => rig.agent(gateway));
  await Promise.all(agents.map((agent) => agent.start()));
  expect(rig.asked.verify).toBe(1);
  expect(gateway.metrics.connections).toBe(agents.length);
});

it('knows a token from the moment it is made', async () => {
  const secretHash = createHash('sha256').update(token).digest('hex');
  rig.bus.broadcast('access.token-created', { secretHash, verdict: rig.verdict });
  await settle();
  await rig.agent(gateway).start();
  expect(rig.asked.verify).toBe(0);
});
