import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BusUnavailable, RequestFailed } from './errors.ts';
import type { EventBus } from './event-bus.ts';
import type { Report, ReportFrame } from './report-frame.ts';

/** A bus with nothing on it. `join` is another process's view of it, or the same where there is only one process. */
export interface BusFixture {
  join(): Promise<EventBus>;
  close(): Promise<void>;
}

/** What every EventBus promises. Adapters are to pause 50 ms or less after a failing handler. */
export function eventBusContract(open: () => Promise<BusFixture>): void {
  describe('EventBus', () => {
    let fixture: BusFixture;
    let bus: EventBus;
    let other: EventBus;

    beforeEach(async () => {
      fixture = await open();
      bus = await fixture.join();
      other = await fixture.join();
    });
    afterEach(() => fixture.close());

    const publishFleets = async (...names: string[]) => {
      for (const name of names) await bus.publish('fleets.changed', { name });
    };
    const collect = async (group: string, options?: { maxBatch?: number }) => {
      const names: string[] = [];
      const handle = async (facts: { name: string }[]) => void names.push(...facts.map((fact) => fact.name));
      const subscription = await other.consume('fleets.changed', group, handle, options);
      return { names, subscription };
    };
    const soon = { timeout: 5_000, interval: 10 };

    it('brings every fact to every group, in order', async () => {
      const [a, b] = [await collect('a'), await collect('b')];
      const names = Array.from({ length: 50 }, (_, index) => `fleet-${index}`);
      await publishFleets(...names);
      await expect.poll(() => a.names, soon).toEqual(names);
      await expect.poll(() => b.names, soon).toEqual(names);
    });

    it('carries any 16 bytes as the uid of an agent, a UUID of no version too', async () => {
      const heard: unknown[] = [];
      await other.consume('agents.changed', 'a', async (facts) => void heard.push(...facts));
      const fact = {
        agents: [{ uid: '00112233-4455-0677-0899-aabbccddeeff', changes: ['health' as const] }],
      };
      await bus.publish('agents.changed', fact);
      await expect.poll(() => heard, soon).toEqual([fact]);
    });

    it('brings each fact to one member of a group', async () => {
      const [a, b] = [await collect('a', { maxBatch: 1 }), await collect('a', { maxBatch: 1 })];
      const names = Array.from({ length: 40 }, (_, index) => `fleet-${index}`);
      await publishFleets(...names);
      await expect.poll(() => [...a.names, ...b.names].toSorted(), soon).toEqual(names.toSorted());
    });

    it('keeps facts for the first group to come', async () => {
      await publishFleets('early');
      const { names } = await collect('a');
      await publishFleets('later');
      await expect.poll(() => names, soon).toEqual(['early', 'later']);
    });

    it('keeps reports for the group to come', async () => {
      const published = bus.publish('reports', frame('gateway-a', 3));
      await delay(50);
      const frames: ReportFrame[] = [];
      await other.consume('reports', 'inventory', async (facts) => void frames.push(...facts));
      await published;
      await expect.poll(() => frames.length, soon).toBe(1);
    });

    it('brings reports as they were', async () => {
      const frames: ReportFrame[] = [];
      await other.consume('reports', 'inventory', async (facts) => void frames.push(...facts));
      const sent = frame('gateway-a', 2);
      await bus.publish('reports', sent);
      await expect.poll(() => frames.length, soon).toBe(1);
      expect(plain(frames[0]!)).toEqual(plain(sent));
    });

    it('repeats what a handler rejected, before anything later, and holds no other group up', async () => {
      const attempts: string[][] = [];
      const handle = async (facts: { name: string }[]) => {
        attempts.push(facts.map((fact) => fact.name));
        if (attempts.length < 3) throw new Error('not now');
      };
      await other.consume('fleets.changed', 'failing', handle, { maxBatch: 1 });
      const { names } = await collect('healthy');
      await publishFleets('one', 'two');
      await expect.poll(() => names, soon).toEqual(['one', 'two']);
      await expect.poll(() => attempts, soon).toEqual([['one'], ['one'], ['one'], ['two']]);
    });

    it('hands over one batch at a time, of no more than maxBatch', async () => {
      let running = 0;
      const seen: { size: number; running: number }[] = [];
      const handle = async (facts: unknown[]) => {
        seen.push({ size: facts.length, running: ++running });
        await delay(5);
        running -= 1;
      };
      await other.consume('fleets.changed', 'a', handle, { maxBatch: 4 });
      await Promise.all(Array.from({ length: 30 }, (_, index) => publishFleets(`fleet-${index}`)));
      await expect.poll(() => seen.reduce((sum, { size }) => sum + size, 0), soon).toBe(30);
      expect(Math.max(...seen.map(({ size }) => size))).toBeLessThanOrEqual(4);
      expect(Math.max(...seen.map((batch) => batch.running))).toBe(1);
    });

    it('batches what waits', async () => {
      const sizes: number[] = [];
      const handle = async (facts: unknown[]) => {
        sizes.push(facts.length);
        await delay(100);
      };
      await other.consume('fleets.changed', 'a', handle, { maxBatch: 100 });
      await publishFleets(...Array.from({ length: 20 }, (_, index) => `fleet-${index}`));
      await expect.poll(() => sizes.reduce((sum, size) => sum + size, 0), soon).toBe(20);
      expect(sizes.length).toBeLessThan(6);
    });

    it('keeps a group’s facts while none of its members is there', async () => {
      const first = await collect('a');
      await publishFleets('one');
      await expect.poll(() => first.names, soon).toEqual(['one']);
      await first.subscription.stop();
      await publishFleets('two');
      const second = await collect('a');
      await expect.poll(() => second.names, soon).toEqual(['two']);
      expect(first.names).toEqual(['one']);
    });

    it('stops when the running handler has ended, and gives back what it did not take', async () => {
      const log: string[] = [];
      const handle = async () => {
        log.push('started');
        await delay(50);
        log.push('ended');
        throw new Error('not now');
      };
      const subscription = await other.consume('fleets.changed', 'a', handle, { maxBatch: 1 });
      await publishFleets('one', 'two');
      await expect.poll(() => log, soon).toEqual(['started']);
      await subscription.stop();
      expect(log).toEqual(['started', 'ended']);
      const { names } = await collect('a');
      await expect.poll(() => names, soon).toEqual(['one', 'two']);
    });

    it('lets a handler publish to its own group', async () => {
      const names: string[] = [];
      await other.consume('fleets.changed', 'a', async (facts) => {
        for (const { name } of facts) {
          names.push(name);
          if (name === 'one') await other.publish('fleets.changed', { name: 'two' });
        }
      });
      await publishFleets('one');
      await expect.poll(() => names, soon).toEqual(['one', 'two']);
    });

    it('tells listeners broadcasts and facts from now on', async () => {
      const [before, after] = [randomUUID(), randomUUID()];
      bus.broadcast('access.token-revoked', { id: before });
      await publishFleets('before');
      const heard: unknown[] = [];
      await other.listen('access.token-revoked', (message) => heard.push(message));
      await other.listen('fleets.changed', (message) => heard.push(message));
      bus.broadcast('access.token-revoked', { id: after });
      await publishFleets('after');
      await expect.poll(() => heard, soon).toEqual([{ id: after }, { name: 'after' }]);
    });

    it('tells every listener, whatever another one does', async () => {
      const heard: string[] = [];
      await other.listen('access.token-revoked', () => {
        throw new Error('a listener failed');
      });
      const second = await other.listen('access.token-revoked', ({ id }) => heard.push(id));
      const id = randomUUID();
      bus.broadcast('access.token-revoked', { id });
      await expect.poll(() => heard, soon).toEqual([id]);
      await second.stop();
      bus.broadcast('access.token-revoked', { id: randomUUID() });
      await delay(50);
      expect(heard).toEqual([id]);
    });

    it('brings a question to one responder and its answer back', async () => {
      const asked: string[] = [];
      for (const name of ['a', 'b']) {
        await other.respond('access.verify-token', async ({ secretHash }) => {
          asked.push(name);
          return { accepted: false, reason: `${secretHash} is unknown` };
        });
      }
      const answer = await bus.request('access.verify-token', { secretHash: 'abc' });
      expect(answer).toEqual({ accepted: false, reason: 'abc is unknown' });
      expect(asked).toHaveLength(1);
    });

    it('tells the asker that the responder failed', async () => {
      await other.respond('access.verify-token', async () => {
        throw new Error('the table\nis gone');
      });
      const asked = bus.request('access.verify-token', { secretHash: 'abc' });
      await expect(asked).rejects.toThrow(RequestFailed);
      await expect(asked).rejects.toThrow(/the table\s+is gone/);
    });

    it('gives up on a question that nobody answers', async () => {
      await expect(bus.request('access.verify-token', { secretHash: 'abc' })).rejects.toThrow(BusUnavailable);
      await other.respond('access.verify-token', async () => {
        await delay(200);
        return { accepted: false, reason: 'too late' };
      });
      const asked = bus.request('access.verify-token', { secretHash: 'abc' }, { timeoutMs: 50 });
      await expect(asked).rejects.toThrow(BusUnavailable);
    });

    it('asks a responder that stopped no more', async () => {
      const responder = await other.respond('access.enroll', async () => ({ accepted: true }));
      await responder.stop();
      const asked = bus.request('access.enroll', { enrollmentTokenId: randomUUID(), uid: randomUUID() });
      await expect(asked).rejects.toThrow(BusUnavailable);
    });

    it('closes after its handlers have ended, and takes nothing any more', async () => {
      const log: string[] = [];
      await bus.consume('fleets.changed', 'a', async () => {
        log.push('started');
        await delay(50);
        log.push('ended');
      });
      expect(bus.available).toBe(true);
      await publishFleets('one');
      await expect.poll(() => log, soon).toEqual(['started']);
      await bus.close();
      expect(log).toEqual(['started', 'ended']);
      expect(bus.available).toBe(false);
      await expect(bus.publish('fleets.changed', { name: 'two' })).rejects.toThrow(BusUnavailable);
    });
  });
}

/** A frame with every field of its reports set, the last one with none of those that may be empty. */
export function frame(gateway: string, size: number): ReportFrame {
  return { gateway, reports: Array.from({ length: size }, (_, index) => report(index, index === size - 1)) };
}

function report(index: number, bare: boolean): Report {
  return {
    instanceUid: new Uint8Array(16).fill(index + 1),
    epoch: 1_790_000_000_000 + index,
    sequenceNum: 2 ** 40 + index,
    receivedAt: 1_790_000_000_123,
    agentToServer: bare ? new Uint8Array(0) : Uint8Array.of(1, 2, 3, index),
    connected: !bare,
    disconnected: bare,
    transport: bare ? 'websocket' : 'http',
    remoteAddress: bare ? '' : '192.0.2.7',
    enrollmentTokenId: bare ? '' : randomUUID(),
    offeredConfigHash: bare ? new Uint8Array(0) : new Uint8Array(32).fill(7),
    offerError: bare ? '' : 'larger than the limit',
    componentsContent: bare ? new Uint8Array(0) : new Uint8Array(32).fill(9),
    formerInstanceUid: bare ? new Uint8Array(0) : new Uint8Array(16).fill(8),
  };
}

/** With bytes as text, so that a Buffer equals a Uint8Array. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field)]));
  }
  return value;
}
