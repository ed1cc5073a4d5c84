import { agentCapability } from '@muster/opamp/capabilities';
import { configStatus, serverFlag } from '@muster/opamp/opamp';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { GivenOptions } from './options.ts';
import { ScriptedServer } from './scripted-server.setup.ts';
import { Simulator } from './simulator.ts';

let server: ScriptedServer;
const started: Simulator[] = [];

beforeEach(async () => {
  server = await ScriptedServer.start();
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((simulator) => simulator.stop(false)));
  await server.stop();
});

function simulate(options: Partial<GivenOptions> = {}): Simulator {
  const simulator = new Simulator({
    urls: [server.url('ws')],
    token: 'secret',
    heartbeatSeconds: 0,
    kinds: ['contrib'],
    ...options,
  });
  started.push(simulator);
  return simulator;
}

const until = (condition: () => boolean) =>
  expect.poll(condition, { timeout: 10_000, interval: 5 }).toBe(true);
const hex = (uid: string) => uid.replaceAll('-', '');
const offer = (text: string, hash = text) => ({
  remoteConfig: {
    configHash: Buffer.from(hash),
    config: { configMap: { '': { body: Buffer.from(text), contentType: 'text/yaml' } } },
  },
});

test.each(['ws', 'http'] as const)('begins with its full state, numbered from 0 (%s)', async (scheme) => {
  const simulator = simulate({ urls: [server.url(scheme)], agents: 3, effectiveBytes: 9_000, details: true });
  await simulator.start();

  expect(server.heard).toHaveLength(3);
  expect(new Set(server.heard.map(({ uid }) => uid)).size).toBe(3);
  const state = await simulator.stateOf(1);
  const [said] = server.of(hex(state.uid));
  expect(said).toMatchObject({
    health: { healthy: true, status: 'StatusOK' },
    remoteConfigStatus: { status: configStatus.unset },
  });
  expect(Number(said!.sequenceNum)).toBe(0);
  const bits = Number(said!.capabilities);
  for (const bit of ['ReportsStatus', 'AcceptsRemoteConfig', 'ReportsHeartbeat'] as const)
    expect(bits & agentCapability[bit]).not.toBe(0);
  const identifying = said!.agentDescription!.identifyingAttributes!;
  expect(identifying.find(({ key }) => key === 'service.instance.id')?.value?.stringValue).toBe(state.uid);
  expect(said!.effectiveConfig!.configMap!.configMap!['']!.body).toHaveLength(9_000);
  expect(Buffer.from(said!.availableComponents!.hash!)).toHaveLength(32);
  if (scheme === 'ws') expect(server.authorizations).toEqual(new Set(['Bearer secret']));
});

test('the same seed makes the same fleet, however it is split over processes', async () => {
  const whole = simulate({ agents: 4, seed: 7 });
  const half = simulate({ agents: 2, seed: 7, firstAgent: 2 });
  const other = simulate({ agents: 1, seed: 8 });

  const [third, same, stranger] = [await whole.stateOf(2), await half.stateOf(0), await other.stateOf(0)];

  expect(same).toEqual(third);
  expect(third.uid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(stranger.uid).not.toBe((await whole.stateOf(0)).uid);
});

test.each(['ws', 'http'] as const)(
  'heartbeats say nothing but uid, number and capabilities (%s)',
  async (scheme) => {
    const simulator = simulate({ urls: [server.url(scheme)], agents: 2, heartbeatSeconds: 0.05 });
    await simulator.start();
    await until(() => server.heard.length >= 8);

    const { uid } = await simulator.stateOf(0);
    const beats = server.of(hex(uid)).slice(1);
    expect(beats.length).toBeGreaterThan(1);
    for (const [index, beat] of beats.entries()) {
      expect(Number(beat.sequenceNum)).toBe(index + 1);
      expect(
        beat.agentDescription ?? beat.health ?? beat.effectiveConfig ?? beat.remoteConfigStatus,
      ).toBeNull();
    }
    const stats = await simulator.stats();
    expect(stats.heartbeatMs.count).toBeGreaterThan(3);
    expect(stats.heartbeatMs.p99).toBeGreaterThan(0);
  },
);

test('agents that are cut again while they wait to connect have one connection each', async () => {
  const simulator = simulate({ agents: 30, dialsInFlight: 1, churnPerMinute: 600 });
  await simulator.start();
  await until(() => server.sockets.length > 300);

  expect((await simulator.stats()).connected).toBeLessThanOrEqual(30);
});

describe('an offer', () => {
  test('is applied: APPLYING, then APPLIED with what now runs', async () => {
    const simulator = simulate({ agents: 1, applyMs: 30 });
    await simulator.start();
    const { uid } = await simulator.stateOf(0);
    server.push(hex(uid), offer('receivers: {}'));
    await until(() => server.heard.length === 3);

    const [, applying, applied] = server.of(hex(uid));
    expect(applying!.remoteConfigStatus).toMatchObject({ status: configStatus.applying });
    expect(applying!.effectiveConfig).toBeNull();
    expect(applied!.remoteConfigStatus).toMatchObject({ status: configStatus.applied });
    expect(Buffer.from(applied!.remoteConfigStatus!.lastRemoteConfigHash!).toString()).toBe('receivers: {}');
    expect(Buffer.from(applied!.effectiveConfig!.configMap!.configMap!['']!.body!).toString()).toBe(
      'receivers: {}',
    );
    expect(await simulator.stateOf(0)).toMatchObject({
      remoteConfigHash: Buffer.from('receivers: {}').toString('hex'),
      remoteConfigStatus: 'applied',
      effectiveConfig: { '': 'receivers: {}' },
    });
  });

  test('of what it has already changes nothing', async () => {
    const simulator = simulate({ agents: 1, reportsApplying: false });
    await simulator.start();
    const { uid } = await simulator.stateOf(0);
    server.push(hex(uid), offer('a: 1'));
    server.push(hex(uid), offer('a: 1'));
    server.push(hex(uid), offer('a: 2'));
    await until(() => server.heard.length === 3);

    expect(await simulator.stats()).toMatchObject({ offers: 2, applied: 2 });
  });

  test('fails on the chosen share, which runs on as before', async () => {
    const simulator = simulate({ agents: 1, failShare: 1 });
    await simulator.start();
    const before = await simulator.stateOf(0);
    server.push(hex(before.uid), offer('a: 1'));
    await until(() => server.heard.length === 3);

    expect(server.heard.at(-1)!.message.remoteConfigStatus).toMatchObject({
      status: configStatus.failed,
      errorMessage: expect.stringMatching(/does not start/),
    });
    expect(await simulator.stateOf(0)).toMatchObject({
      remoteConfigStatus: 'failed',
      effectiveConfig: before.effectiveConfig,
    });
  });

  test('means nothing to an agent that takes none', async () => {
    const simulator = simulate({ agents: 1, kinds: ['observed'] });
    await simulator.start();
    server.push(server.heard[0]!.uid, offer('a: 1'));
    server.push(server.heard[0]!.uid, { flags: serverFlag.reportFullState });
    await until(() => server.heard.length === 2);

    expect(server.heard[1]!.message.remoteConfigStatus).toBeNull();
    expect(await simulator.stats()).toMatchObject({ offers: 0 });
  });

  test('that comes in pieces is put together', async () => {
    const simulator = simulate({ agents: 1, reportsApplying: false });
    await simulator.start();
    const large = 'x'.repeat(300_000);
    server.push(hex((await simulator.stateOf(0)).uid), offer(large, 'large'));
    await until(() => server.heard.length === 2);

    expect((await simulator.stateOf(0)).effectiveConfig).toEqual({ '': large });
  });
});

test('does what the server asks: full state, components, another uid, a restart', async () => {
  const simulator = simulate({ agents: 1, details: true });
  await simulator.start();
  const { uid } = await simulator.stateOf(0);
  const next = async (): Promise<(typeof server.heard)[number]['message']> => {
    const count = server.heard.length;
    await until(() => server.heard.length > count);
    return server.heard.at(-1)!.message;
  };

  let coming = next();
  server.push(hex(uid), { flags: serverFlag.reportFullState });
  expect(await coming).toMatchObject({
    agentDescription: expect.anything(),
    effectiveConfig: expect.anything(),
  });

  coming = next();
  server.push(hex(uid), { flags: serverFlag.reportAvailableComponents });
  expect((await coming).availableComponents!.components).toHaveProperty('receivers');

  const before = server.heard[0]!.message.health!.startTimeUnixNano!;
  coming = next();
  server.push(hex(uid), { command: {} });
  expect(BigInt(String((await coming).health!.startTimeUnixNano))).toBeGreaterThan(BigInt(String(before)));

  coming = next();
  server.push(hex(uid), { agentIdentification: { newInstanceUid: Buffer.alloc(16, 0xab) } });
  expect(await coming).toMatchObject({ agentDescription: expect.anything(), effectiveConfig: null });
  expect(server.heard.at(-1)!.uid).toBe('ab'.repeat(16));
  expect(Number(server.heard.at(-1)!.message.sequenceNum)).toBe(4);
  expect((await simulator.stateOf(0)).uid).toBe('abababab-abab-abab-abab-abababababab');
});

describe('a broken connection', () => {
  test('is taken up again, going on with the next message alone', async () => {
    const simulator = simulate({ agents: 5 });
    await simulator.start();
    for (const socket of server.sockets) socket.terminate();
    await until(() => server.heard.length === 10);

    const resumed = server.heard.slice(5);
    expect(resumed.map(({ message }) => Number(message.sequenceNum))).toEqual([1, 1, 1, 1, 1]);
    expect(resumed.every(({ message }) => message.agentDescription === null)).toBe(true);
    // The server has heard them all; that all were answered the simulator hears a little later.
    await expect
      .poll(() => simulator.stats(), { timeout: 10_000, interval: 5 })
      .toMatchObject({ connected: 5, online: 5, dropped: 5, answered: 10 });
  });

  test('is taken up again without a wait', async () => {
    const simulator = simulate({ agents: 1 });
    await simulator.start();
    const leastWaitMs = 250;
    const back = async () => {
      const count = server.heard.length;
      const brokenAt = performance.now();
      server.sockets.at(-1)!.terminate();
      await until(() => server.heard.length === count + 1);
      return performance.now() - brokenAt;
    };
    // A busy machine may take longer than the shortest wait, but hardly every time.
    await expect.poll(back, { timeout: 10_000 }).toBeLessThan(leastWaitMs);
  });

  test('is not hurried past Retry-After', async () => {
    server.refusals = [2];
    const simulator = simulate({ agents: 1 });
    const began = performance.now();
    await simulator.start();

    expect(performance.now() - began).toBeGreaterThan(1_990);
    expect(performance.now() - began).toBeLessThan(3_500);
    expect(await simulator.stats()).toMatchObject({ throttled: 1, retryAfter: { '2': 1 } });
  });

  test('does not lose what had to be said meanwhile', async () => {
    const simulator = simulate({ agents: 1 });
    await simulator.start();
    await simulator.cutAll(200);
    await simulator.changeState();
    await until(() => server.heard.length === 2);

    expect(server.heard[1]!.message).toMatchObject({ health: { healthy: false } });
    expect(await simulator.stateOf(0)).toMatchObject({ healthy: false, allSaid: true });
  });

  test('can be left for another server', async () => {
    const other = await ScriptedServer.start();
    const simulator = simulate({ urls: [server.url('ws'), other.url('ws')], agents: 4 });
    await simulator.start();
    expect(other.heard).toHaveLength(2);
    await other.stop();

    await until(() => server.heard.length === 4);
  });
});

test('agents behind a gateway share connections, each with its own answers', async () => {
  const simulator = simulate({ agents: 50, agentsPerConnection: 20, effectiveBytes: 200_000 });
  await simulator.start();
  expect(server.sockets).toHaveLength(3);
  expect(server.heard).toHaveLength(50);

  const { uid } = await simulator.stateOf(31);
  server.push(hex(uid), { agentIdentification: { newInstanceUid: Buffer.alloc(16, 1) } });
  await until(() => server.heard.length === 51);
  server.push('01'.repeat(16), offer('a: 1'));
  await until(() => server.heard.length === 53);

  expect((await simulator.stateOf(31)).effectiveConfig).toEqual({ '': 'a: 1' });
  expect(await simulator.stats()).toMatchObject({ connected: 3, online: 50, offers: 1, errors: {} });
});

test('changes the health of a share', async () => {
  const simulator = simulate({ agents: 40 });
  await simulator.start();

  const changed = await simulator.changeState(0.5);

  expect(changed).toBeGreaterThan(5);
  expect(changed).toBeLessThan(35);
  await until(() => server.heard.length === 40 + changed);
  const unhealthy = (await simulator.states()).filter(({ healthy }) => !healthy);
  expect(unhealthy).toHaveLength(changed);
});

test('says goodbye', async () => {
  const simulator = simulate({ agents: 2 });
  await simulator.start();
  await simulator.stop();

  expect(server.heard.slice(2).map(({ message }) => message.agentDisconnect)).toEqual([{}, {}]);
  await expect.poll(() => server.closes).toEqual([1000, 1000]);
});
