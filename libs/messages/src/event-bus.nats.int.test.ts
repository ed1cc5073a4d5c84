import { setTimeout as delay } from 'node:timers/promises';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { startLocalNats } from '@muster/platform/local-services';
import { useTestService } from '@muster/platform/test-service.setup';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BusLog } from './bus-log.ts';
import { connectNats, type NatsLink } from './connection.nats.ts';
import { BusUnavailable, MessageTooLarge } from './errors.ts';
import { eventBusContract, frame } from './event-bus.contract.ts';
import type { EventBus } from './event-bus.ts';
import { createNatsEventBus } from './event-bus.nats.ts';
import type { ReportFrame } from './report-frame.ts';

/** As NATS is unless somebody configures it. */
const nats = useTestService((options) => startLocalNats({ ...options, maxPayload: '1MB' }));

async function openBus(log?: BusLog) {
  const link = await connectNats({ url: nats.url, name: 'test', ...(log && { log }) });
  return { link, bus: await createNatsEventBus(link, { retryPauseMs: 20, patienceMs: 1_000 }) };
}

async function wipe(link: NatsLink): Promise<void> {
  const manager = await jetstreamManager(link.connection);
  for (const stream of ['REPORTS', 'FACTS', 'PARTS', 'DEADLETTERS'])
    await manager.streams.delete(stream).catch(() => {});
}

async function openFixture() {
  const link = await connectNats({ url: nats.url, name: 'fixture' });
  await wipe(link);
  const buses: EventBus[] = [];
  return {
    join: async () => {
      const { bus } = await openBus();
      buses.push(bus);
      return bus;
    },
    close: async () => {
      await Promise.all(buses.map((bus) => bus.close()));
      await link.close();
    },
  };
}

eventBusContract(openFixture);

const alarm = 'a message was set aside as a dead letter: see muster deadletter list';

describe('the bus on NATS', () => {
  const logged: string[] = [];
  const log: BusLog = { info() {}, warn() {}, error: (_, message) => void logged.push(message) };
  let link: NatsLink;
  let bus: EventBus;

  beforeEach(async () => {
    logged.length = 0;
    ({ link, bus } = await openBus(log));
    await wipe(link);
    await bus.close();
    ({ link, bus } = await openBus(log));
  });
  afterEach(() => bus.close());

  const soon = { timeout: 15_000, interval: 20 };

  it('loses nothing when the server restarts in mid-stream', { timeout: 40_000 }, async () => {
    const { bus: publisher } = await openBus();
    const sent: string[] = [];
    const send = async (count: number) => {
      for (let left = count; left > 0; left -= 1) {
        const gateway = `gateway-${sent.length}`;
        await publishUntilTaken(publisher, gateway);
        sent.push(gateway);
      }
    };
    const received = new Set<string>();
    const handle = async (frames: { gateway: string }[]) => {
      await delay(20);
      for (const { gateway } of frames) received.add(gateway);
    };
    await bus.consume('reports', 'inventory', handle, { maxBatch: 5 });

    await send(100);
    await nats.stop();
    await expect.poll(() => publisher.available, soon).toBe(false);
    await expect(publisher.publish('reports', frame('gateway', 1))).rejects.toThrow(BusUnavailable);
    await nats.startAgain();
    await send(100);

    await expect.poll(() => sent.filter((gateway) => !received.has(gateway)), soon).toEqual([]);
    await publisher.close();
  });

  it('goes on by itself after a restart', async () => {
    const names: string[] = [];
    await bus.consume(
      'fleets.changed',
      'a',
      async (facts) => void names.push(...facts.map(({ name }) => name)),
    );
    await nats.stop();
    await expect.poll(() => bus.available, soon).toBe(false);
    await nats.startAgain();
    await expect
      .poll(() => bus.publish('fleets.changed', { name: 'after' }).catch(String), soon)
      .toBeUndefined();
    // A request for messages that the new server lost is noticed after 7 s.
    await expect.poll(() => names, { timeout: 10_000, interval: 20 }).toContain('after');
  });

  it('loses nothing when members come and go', { timeout: 40_000 }, async () => {
    const sent: string[] = [];
    const received = new Set<string>();
    const handle = async (facts: { name: string }[]) => {
      for (const { name } of facts) received.add(name);
    };
    const { bus: publisher } = await openBus();
    for (let round = 0; round < 20; round += 1) {
      const member = await bus.consume('fleets.changed', 'a', handle, { maxBatch: 3 });
      const names = Array.from({ length: 30 }, (_, index) => `fleet-${round}-${index}`);
      const published = Promise.all(names.map((name) => publisher.publish('fleets.changed', { name })));
      sent.push(...names);
      await delay(round % 5);
      await member.stop();
      await published;
    }
    await bus.consume('fleets.changed', 'a', handle);
    await expect
      .poll(() => sent.filter((name) => !received.has(name)), { timeout: 30_000, interval: 20 })
      .toEqual([]);
    await publisher.close();
  });

  it('makes its streams and consumers anew when they were wiped under it', async () => {
    const names: string[] = [];
    await bus.consume(
      'fleets.changed',
      'a',
      async (facts) => void names.push(...facts.map(({ name }) => name)),
    );
    await wipe(link);
    await bus.publish('fleets.changed', { name: 'after' });
    await expect.poll(() => names, soon).toEqual(['after']);
  });

  it('is set up by any number of processes at once', async () => {
    await wipe(link);
    const opened = await Promise.all(Array.from({ length: 5 }, () => openBus()));
    const names: string[] = [];
    await Promise.all(
      opened.map(({ bus: member }, index) =>
        member.consume(
          'fleets.changed',
          'a',
          async (facts) => void names.push(...facts.map(({ name }) => name)),
          {
            maxBatch: index + 1,
          },
        ),
      ),
    );
    await bus.publish('fleets.changed', { name: 'one' });
    await expect.poll(() => names, soon).toEqual(['one']);
    await Promise.all(opened.map((other) => other.bus.close()));
  });

  it('takes no reports that its stream has no room for, and loses none that it has', async () => {
    const manager = await jetstreamManager(link.connection);
    await manager.streams.update('REPORTS', { max_bytes: 10_000 });
    const large = frame('', 1);
    large.reports[0]!.agentToServer = new Uint8Array(1_500);
    let taken = 0;
    const publishTillFull = async () => {
      for (;;) {
        await bus.publish('reports', { ...large, gateway: `gateway-${taken}` });
        taken += 1;
      }
    };
    await expect(publishTillFull()).rejects.toThrow(BusUnavailable);
    const received: string[] = [];
    await bus.consume(
      'reports',
      'inventory',
      async (frames) => void received.push(...frames.map((f) => f.gateway)),
    );
    await expect
      .poll(() => received, soon)
      .toEqual(Array.from({ length: taken }, (_, index) => `gateway-${index}`));
    await expect.poll(() => bus.publish('reports', frame('again', 1)), soon).toBeUndefined();
  });

  it('brings a frame of any size, and keeps nothing of it when it was taken', async () => {
    const sizes = [100, 900_000, 31 * 2 ** 20, 2_500_000, 40 * 2 ** 20];
    const large = (size: number) => {
      const sent = frame(`${size}`, 2);
      sent.reports[0]!.agentToServer = Buffer.alloc(size, `${size} `);
      return sent;
    };
    const received: string[] = [];
    let failures = 2;
    const handle = async (frames: ReportFrame[]) => {
      if (failures-- > 0) throw new Error('not yet');
      for (const { gateway, reports } of frames) {
        const whole = Buffer.from(reports[0]!.agentToServer).equals(
          Buffer.alloc(Number(gateway), `${gateway} `),
        );
        received.push(whole ? gateway : `${gateway} is broken`);
      }
    };
    for (const size of sizes) await bus.publish('reports', large(size));
    await Promise.all([1, 2].map(() => bus.consume('reports', 'inventory', handle, { maxBatch: 2 })));
    await expect.poll(() => [...received].sort(), soon).toEqual(sizes.map(String).sort());
    const manager = await jetstreamManager(link.connection);
    await expect.poll(async () => (await manager.streams.info('PARTS')).state.messages, soon).toBe(0);
  });

  it('leaves no part behind of a frame that it cannot take', async () => {
    const manager = await jetstreamManager(link.connection);
    await manager.streams.update('PARTS', { max_bytes: 3_000_000 });
    const large = frame('gateway', 1);
    large.reports[0]!.agentToServer = new Uint8Array(5_000_000);
    await expect(bus.publish('reports', large)).rejects.toThrow(BusUnavailable);
    expect((await manager.streams.info('PARTS')).state.messages).toBe(0);
    await bus.publish('reports', frame('small', 1));
    large.reports[0]!.agentToServer = new Uint8Array(260 * 2 ** 20);
    await expect(bus.publish('reports', large)).rejects.toThrow(MessageTooLarge);
  });

  it('goes on when the parts of a message are gone', async () => {
    const large = frame('gone', 1);
    large.reports[0]!.agentToServer = new Uint8Array(2_000_000);
    await bus.publish('reports', large);
    await (await jetstreamManager(link.connection)).streams.purge('PARTS');
    await bus.publish('reports', frame('next', 1));
    const received: string[] = [];
    await bus.consume(
      'reports',
      'inventory',
      async (frames) => void received.push(...frames.map((f) => f.gateway)),
    );
    await expect.poll(() => received, soon).toEqual(['next']);
    const { items } = await bus.deadLetters.page({ limit: 9 });
    expect(items).toMatchObject([{ subject: 'reports', group: 'inventory', agent: null, bytes: 0 }]);
    expect(items[0]!.error).toContain('part 0 of');
    expect(logged).toEqual([alarm]);
  });

  it('sets aside what does not fit the subject and says so', async () => {
    const names: string[] = [];
    await bus.consume(
      'fleets.changed',
      'a',
      async (facts) => void names.push(...facts.map(({ name }) => name)),
    );
    await bus.listen('access.token-revoked', () => names.push('heard'));
    link.connection.publish('fleets.changed', '{"name":7}');
    link.connection.publish('fleets.changed', 'no JSON hunter2');
    link.connection.publish('access.token-revoked', '{}');
    await bus.publish('fleets.changed', { name: 'good' });
    await expect.poll(() => names, soon).toEqual(['good']);
    const { items } = await bus.deadLetters.page({ limit: 9 });
    expect(items).toHaveLength(2);
    expect(JSON.stringify(items)).not.toContain('hunter2');
    const payload = (await bus.deadLetters.payloadOf(items[0]!.id))!;
    expect(Buffer.from(payload).toString()).toBe('no JSON hunter2');
    await expect
      .poll(() => logged.toSorted(), soon)
      .toEqual([alarm, 'a message did not fit or its listener failed'].toSorted());
  });

  it('sets undecodable frames aside as they are, and goes on', async () => {
    // A length that is not there, and one beyond the end.
    for (const bytes of [
      [0x0a, 0xff, 0xff],
      [0x12, 100, 1, 2],
    ]) {
      link.connection.publish('reports', Uint8Array.from(bytes));
    }
    await bus.publish('reports', frame('next', 1));
    const received: string[] = [];
    await bus.consume(
      'reports',
      'inventory',
      async (frames) => void received.push(...frames.map((f) => f.gateway)),
    );
    await expect.poll(() => received, soon).toEqual(['next']);
    const { items } = await bus.deadLetters.page({ limit: 9 });
    expect(items.map(({ bytes }) => bytes).toSorted()).toEqual([3, 4]);
    await expect.poll(async () => (await bus.reportBacklog()).oldestAt, soon).toBeNull();
  });

  /** A member that takes what it is given and dies with it: it never says what became of it. */
  async function dieOn(subject: string, group: string): Promise<void> {
    const consumer = await jetstream(link.connection).consumers.get(
      subject === 'reports' ? 'REPORTS' : 'FACTS',
      `${group}_${subject.replaceAll('.', '_')}`,
    );
    const taken = await consumer.fetch({ max_messages: 1, expires: 1_000 });
    for await (const message of taken) message.nak();
  }

  it('divides a frame that processes died on, and gives up on the one report in the end', async () => {
    const first = await bus.consume('reports', 'inventory', async () => {});
    await first.stop();
    await bus.publish('reports', frame('deadly', 3));
    for (let deaths = 0; deaths < 2; deaths += 1) await dieOn('reports', 'inventory');
    const sizes: number[] = [];
    const member = await bus.consume('reports', 'inventory', async (frames) => {
      sizes.push(...frames.map(({ reports }) => reports.length));
      // Two of the parts are handled; on the last one this process would die, too.
      if (frames[0]!.reports[0]!.instanceUid[0] === 3) {
        throw Object.assign(new Error('gone'), { code: 'ECONNRESET' });
      }
    });
    await expect.poll(() => sizes.length, soon).toBeGreaterThanOrEqual(3);
    expect(new Set(sizes)).toEqual(new Set([1]));
    await member.stop();
    for (let deaths = 0; deaths < 3; deaths += 1) await dieOn('reports', 'inventory');
    const after: number[] = [];
    await bus.consume('reports', 'inventory', async (frames) => void after.push(frames.length));
    await expect.poll(async () => (await bus.reportBacklog()).oldestAt, soon).toBeNull();
    expect(after).toEqual([]);
    const { items } = await bus.deadLetters.page({ limit: 9 });
    expect(items).toMatchObject([{ agent: '03030303-0303-0303-0303-030303030303', group: 'inventory' }]);
    expect(items[0]!.error).toContain('processes may have died on it');
  });

  it('gives a group that is new what was published before', async () => {
    await bus.consume('fleets.changed', 'a', async () => {});
    await bus.publish('fleets.changed', { name: 'before' });
    const names: string[] = [];
    await bus.consume(
      'fleets.changed',
      'b',
      async (facts) => void names.push(...facts.map(({ name }) => name)),
    );
    await expect.poll(() => names, soon).toEqual(['before']);
  });
});

describe('connecting to NATS', () => {
  it('names the setting, and no secret, when it fails', async () => {
    const failed = connectNats({ url: 'nats://muster:s3cret@127.0.0.1:1', name: 'test' });
    await expect(failed).rejects.toThrow(BusUnavailable);
    await expect(failed).rejects.toThrow(
      /^NATS at nats:\/\/127\.0\.0\.1:1 \(MUSTER_NATS_URL\) cannot be reached: \S[^\n]*$/,
    );
    await expect(connectNats({ url: 'nonsense', name: 'test' })).rejects.toThrow(
      'MUSTER_NATS_URL is not a URL',
    );
  });
});

/** Tries again, as a gateway does. */
async function publishUntilTaken(bus: EventBus, gateway: string): Promise<void> {
  for (;;) {
    try {
      return await bus.publish('reports', frame(gateway, 1));
    } catch (error) {
      if (!(error instanceof BusUnavailable)) throw error;
      await delay(50);
    }
  }
}
