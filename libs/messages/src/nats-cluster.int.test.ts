import { setTimeout as delay } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { startNatsCluster } from '@muster/platform/nats-cluster.setup';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectNats } from './connection.nats.ts';
import { BusUnavailable } from './errors.ts';
import { frame } from './event-bus.contract.ts';
import { createNatsEventBus } from './event-bus.nats.ts';
import { defaultStreamSettings, type StreamSettings } from './stream-settings.ts';

/** A machine under load takes several times the 3 s of a quiet one. */
const flowsAgainMs = 10_000;
const soon = { timeout: 30_000, interval: 100 };
const small: StreamSettings = {
  ...defaultStreamSettings,
  bytes: { REPORTS: 64 * 2 ** 20, FACTS: 16 * 2 ** 20, PARTS: 64 * 2 ** 20, DEADLETTERS: 8 * 2 ** 20 },
};

async function open(url: string, streams: StreamSettings = small) {
  const link = await connectNats({ url, name: 'test', streams });
  const bus = await createNatsEventBus(link, { retryPauseMs: 50 });
  const manager = await jetstreamManager(link.connection, { checkAPI: false });
  return { link, bus, manager };
}

/** A cluster elects its leader first. */
async function openWhenItCan(url: string, streams?: StreamSettings) {
  for (let left = 40; ; left -= 1) {
    try {
      return await open(url, streams);
    } catch (error) {
      // A refusal that names what is needed stays one.
      if (left === 0 || /MUSTER_NATS_(REPLICAS|REPORTS_BYTES)/.test(String(error))) throw error;
      await delay(250);
    }
  }
}
type Member = Awaited<ReturnType<typeof open>>;

/** Publishes without a pause, each frame until it is taken, as a gateway does. */
function publishAllAlong({ bus }: Member) {
  const sent: string[] = [];
  const waits: number[] = [];
  const ending = new AbortController();
  const running = (async () => {
    while (!ending.signal.aborted) {
      const [gateway, since] = [`gateway-${sent.length}`, Date.now()];
      for (;;) {
        try {
          await bus.publish('reports', frame(gateway, 3));
          break;
        } catch (error) {
          if (!(error instanceof BusUnavailable)) throw error;
          await delay(100);
        }
      }
      waits.push(Date.now() - since);
      sent.push(gateway);
      await delay(5);
    }
  })();
  return {
    sent,
    waits,
    async end() {
      ending.abort();
      await running;
    },
  };
}

describe('a cluster of three NATS servers', () => {
  let cluster: Awaited<ReturnType<typeof startNatsCluster>>;
  let gateway: Member;
  let inventory: Member;
  const received = new Map<string, number>();
  let last = 0;
  let longest = 0;

  beforeAll(async () => {
    cluster = await startNatsCluster();
    gateway = await openWhenItCan(cluster.url);
    inventory = await open(cluster.url);
    await inventory.bus.consume('reports', 'inventory', async (frames) => {
      longest = Math.max(longest, Date.now() - last);
      last = Date.now();
      for (const { gateway: name } of frames) received.set(name, (received.get(name) ?? 0) + 1);
    });
  });
  afterAll(async () => {
    await Promise.all([gateway, inventory].map((member) => member?.bus.close()));
    await cluster?.stop();
  });

  const missing = (sent: string[]) => sent.filter((name) => !received.has(name));

  it('keeps all streams and consumers three times', async () => {
    await expect
      .poll(async () => {
        const infos = await Promise.all(
          ['REPORTS', 'FACTS', 'PARTS'].map((name) => gateway.manager.streams.info(name)),
        );
        return infos.map(({ config }) => config.num_replicas);
      }, soon)
      .toEqual([3, 3, 3]);
    const consumer = await gateway.manager.consumers.info('REPORTS', 'inventory_reports');
    expect(consumer.cluster?.replicas).toHaveLength(2);
    expect(await gateway.bus.check()).toBeNull();
  });

  it(
    'reports flow on within seconds when the holder of REPORTS is killed, and none is lost',
    { timeout: 90_000 },
    async () => {
      const publishing = publishAllAlong(gateway);
      await expect.poll(() => publishing.sent.length, soon).toBeGreaterThan(100);
      const { cluster: held } = await gateway.manager.streams.info('REPORTS');
      const holder = cluster.named(held?.leader);
      [last, longest] = [Date.now(), 0];
      publishing.waits.length = 0;
      await holder.kill();
      await delay(flowsAgainMs);
      await publishing.end();
      await expect.poll(() => missing(publishing.sent), soon).toEqual([]);
      expect(Math.max(...publishing.waits)).toBeLessThan(flowsAgainMs);
      expect(longest).toBeLessThan(flowsAgainMs);
      expect(await gateway.bus.check()).toBeNull();
      await holder.start();
    },
  );

  it('loses nothing when its servers are restarted one by one', { timeout: 120_000 }, async () => {
    const publishing = publishAllAlong(gateway);
    for (const server of cluster.servers) {
      await server.stop();
      await delay(1_000);
      await server.start();
      await expect
        .poll(async () => {
          const { cluster: held } = await inventory.manager.streams
            .info('REPORTS')
            .catch(() => ({ cluster: undefined }));
          return held?.replicas?.filter(({ lag, offline }) => !offline && (lag ?? 0) < 500).length;
        }, soon)
        .toBe(2);
    }
    await publishing.end();
    await expect.poll(() => missing(publishing.sent), soon).toEqual([]);
    expect(Math.max(...publishing.waits)).toBeLessThan(flowsAgainMs * 2);
    expect(await gateway.bus.check()).toBeNull();
  });

  it('goes on when the holder of REPORTS hangs', { timeout: 90_000 }, async () => {
    const publishing = publishAllAlong(gateway);
    const { cluster: held } = await gateway.manager.streams.info('REPORTS');
    const holder = cluster.named(held?.leader);
    holder.pause();
    try {
      const sent = publishing.sent.length;
      await expect.poll(() => publishing.sent.length, soon).toBeGreaterThan(sent + 50);
      await publishing.end();
      await expect.poll(() => missing(publishing.sent), soon).toEqual([]);
      await expect.poll(() => gateway.bus.check(), soon).toBeNull();
    } finally {
      holder.resume();
    }
  });
});

describe('one replica in a cluster', () => {
  it(
    'says that nothing can be stored while the holder is dead, and goes on when it is back',
    { timeout: 120_000 },
    async () => {
      const cluster = await startNatsCluster();
      const one = await openWhenItCan(cluster.url, { ...small, replicas: 1 });
      try {
        await expect.poll(() => one.bus.check(), soon).toBeNull();
        const { cluster: held, config } = await one.manager.streams.info('REPORTS');
        expect(config.num_replicas).toBe(1);
        const holder = cluster.named(held?.leader);
        await holder.kill();
        await expect
          .poll(() => one.bus.check(), soon)
          .toMatch(/^the stream REPORTS of NATS cannot be reached \(/);
        await expect(one.bus.publish('reports', frame('gateway', 1))).rejects.toThrow(BusUnavailable);
        await holder.start();
        await expect.poll(() => one.bus.check(), soon).toBeNull();

        // The default brings up what is there; one that is asked for takes down.
        const three = await openWhenItCan(cluster.url);
        const replicas = async () => (await three.manager.streams.info('REPORTS')).config.num_replicas;
        await expect.poll(replicas, soon).toBe(3);
        await three.bus.close();
        const again = await openWhenItCan(cluster.url, { ...small, replicas: 1 });
        await expect
          .poll(async () => (await again.manager.streams.info('REPORTS')).config.num_replicas, soon)
          .toBe(1);
        await again.bus.close();
      } finally {
        await one.bus.close();
        await cluster.stop();
      }
    },
  );
});

describe('a NATS server that cannot keep what is asked for', () => {
  const opened = async (jetstream: string[], streams: StreamSettings, servers = 1) => {
    const cluster = await startNatsCluster({ servers, jetstream });
    try {
      const member = await openWhenItCan(cluster.url, streams);
      const { config } = await member.manager.streams.info('REPORTS');
      await member.bus.close();
      return config.num_replicas;
    } finally {
      await cluster.stop();
    }
  };

  it('has one replica when it is alone', async () => {
    expect(await opened([], small)).toBe(1);
  });

  it('says what replicas need', async () => {
    await expect(opened([], { ...small, replicas: 3 })).rejects.toThrow(
      /cannot hold the stream REPORTS: .*MUSTER_NATS_REPLICAS is 3, which takes a cluster of as many servers/,
    );
  });

  it.each([1, 3])(
    'says what storage is needed, and where (%i servers)',
    { timeout: 60_000 },
    async (servers) => {
      // less than the first stream takes in a cluster: what it has reserved it knows a moment later
      const refused = opened([`max_file_store: ${servers === 1 ? 100 : 60}MB`], small, servers);
      await expect(refused).rejects.toThrow(BusUnavailable);
      await expect(refused).rejects.toThrow(
        /cannot hold the stream \w+: .*reserves 64 MiB on each server that keeps it, all streams of Muster 152 MiB: raise max_file_store .* MUSTER_NATS_REPORTS_BYTES/,
      );
    },
  );
});
