import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentToServer } from '@muster/opamp/opamp';
import type { SimulatorPool } from '@muster/simulator/simulator-pool';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { showOnFailure } from '../harness/failure.ts';
import { logged, modes, Muster } from '../harness/muster.ts';
import { ProcessWatch } from '../harness/process-watch.ts';
import { full, showFigures, sized, stormFleet } from './storm.ts';

const agents = sized(1_000, 5_000);
const heartbeatSeconds = 2;
const measureMs = sized(10_000, 30_000);
/** A client that does not stop is cut off within this. */
const patienceMs = 90_000;
/** What one such client may make a gateway keep. */
const memoryBoundMiB = 150;
const tick = 50;

/** Sends without end, and treats the answers in its own way. */
class HostileClient {
  readonly closed: Promise<number>;
  answers = 0;
  sent = 0;
  /** performance.now() when the server had ended it. */
  closedAt: number | null = null;
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    void this.closed.then(() => (this.closedAt = performance.now()));
    socket.on('message', () => this.answers++);
    socket.on('error', () => {});
  }

  static async open(muster: Muster): Promise<HostileClient> {
    const socket = new WebSocket(muster.opamp[0] as string, {
      headers: { authorization: `Bearer ${muster.enrollmentToken}` },
    });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return new HostileClient(socket);
  }

  /** Sends so many heartbeats a second until the server ends it; each has a number after the last. */
  async flood(perSecond: number): Promise<void> {
    const instanceUid = randomBytes(16);
    for (let sequenceNum = 0; this.closedAt === null; await sleep(tick)) {
      // what the server does not take waits here, not in the server
      for (let i = 0; i < (perSecond * tick) / 1_000 && this.#socket.bufferedAmount < 2 ** 20; i++) {
        const message = AgentToServer.encode({
          instanceUid,
          sequenceNum: sequenceNum++,
          capabilities: 1,
        }).finish();
        this.#socket.send(Buffer.concat([Buffer.of(0), message]));
        this.sent += 1;
      }
    }
  }

  /** Reads nothing from now on, or only now and then. */
  async readSlowly(everyMs: number | null): Promise<void> {
    this.#socket.pause();
    if (everyMs === null) return;
    while (this.closedAt === null) {
      await sleep(everyMs);
      this.#socket.resume();
      await sleep(1);
      if (this.closedAt === null) this.#socket.pause();
    }
  }

  end(): void {
    this.#socket.terminate();
  }
}

describe.skipIf(!modes.includes('cluster'))('clients that harm', () => {
  let muster: Muster;
  let fleet: SimulatorPool;
  let quietP99: number;

  showOnFailure(() => ({ muster: muster?.output }));
  beforeAll(async () => {
    muster = await Muster.start({ provokes: logged, mode: 'cluster', withoutNpm: true });
    fleet = stormFleet(muster, agents, { heartbeatSeconds });
    await fleet.start();
    await sleep(3_000);
    quietP99 = await heartbeatP99();
  });
  afterAll(async () => {
    await fleet?.stop(false);
    await muster?.dispose();
  });

  async function heartbeatP99(): Promise<number> {
    await fleet.clearLatencies();
    await sleep(measureMs);
    return (await fleet.stats()).heartbeatMs.p99;
  }

  /** Lets a client do harm; it must be limited or cut off, and the others hardly notice. */
  async function endure(name: string, perSecond: number, reads: (client: HostileClient) => Promise<void>) {
    const before = await fleet.stats();
    const watch = ProcessWatch.start(muster.parts);
    const client = await HostileClient.open(muster);
    const startedAt = performance.now();
    const busy = Promise.all([client.flood(perSecond), reads(client)]);
    const p99 = await heartbeatP99();
    const code = await Promise.race([client.closed, sleep(patienceMs, null)]);
    const { sent, answers, closedAt } = client;
    client.end();
    await busy;
    const [gateway] = watch.stop().filter(({ name }) => name === 'gateway-1');
    const after = await fleet.stats();

    showFigures(`${name}, beside ${agents} agents`, {
      'heartbeat p99 when quiet, meanwhile, ms': [quietP99, p99],
      closed: code === null ? 'no' : `with ${code} after ${((closedAt! - startedAt) / 1_000).toFixed(1)} s`,
      'sent, answers read': [sent, answers],
      'gateway, MiB before and at most': [gateway?.first, gateway?.peak],
    });
    expect(after.dropped).toBe(before.dropped);
    expect(gateway!.peak - gateway!.first).toBeLessThan(memoryBoundMiB);
    // small runs share the machine with other tests
    expect(p99).toBeLessThanOrEqual(full ? 2 * quietP99 : Math.max(2 * quietP99, quietP99 + 100));
    return code;
  }

  const timeout = measureMs + patienceMs + 60_000;

  test('one that never reads is closed', { timeout }, async () => {
    expect(
      await endure('A client that never reads', 2_000, (client) => client.readSlowly(null)),
    ).not.toBeNull();
  });

  test('one that reads slowly is closed', { timeout }, async () => {
    expect(
      await endure('A client that reads slowly', 2_000, (client) => client.readSlowly(1_000)),
    ).not.toBeNull();
  });

  test('one that sends 10,000 messages a second is closed', { timeout }, async () => {
    expect(await endure('10,000 messages a second', 10_000, async () => {})).not.toBeNull();
  });
});
