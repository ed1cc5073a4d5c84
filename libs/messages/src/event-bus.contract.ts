import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BusUnavailable, NotReplayable, RequestFailed } from './errors.ts';
import type { EventBus } from './event-bus.ts';
import type { Report, ReportFrame } from './report-frame.ts';

/** A bus with nothing on it. `join` is another process's view of it, or the same where there is only one process. */
export interface BusFixture {
  join(): Promise<EventBus>;
  close(): Promise<void>;
}

/** What every EventBus promises. Adapters are to pause 50 ms or less after a failing handler, and to wait a second for one. */
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

    const deadLetters = async () => (await bus.deadLetters.page({ limit: 100 })).items;

    it('sets one report aside that cannot be handled, and stores all others in order', async () => {
      const stored: string[] = [];
      const poison = new Set(['2-1', '3-0']);
      const handle = async (frames: ReportFrame[]) => {
        const reports = frames.flatMap(({ gateway, reports: all }) =>
          all.map(({ sequenceNum }) => `${gateway}-${sequenceNum}`),
        );
        if (reports.some((report) => poison.has(report))) throw new RangeError('Invalid string length');
        stored.push(...reports);
      };
      await other.consume('reports', 'inventory', handle, { maxBatch: 8 });
      const numbered = (gateway: number): ReportFrame => {
        const { reports } = frame(`${gateway}`, 3);
        return {
          gateway: `${gateway}`,
          reports: reports.map((each, sequenceNum) => ({
            ...each,
            instanceUid: uidOf(gateway),
            sequenceNum,
          })),
        };
      };
      await Promise.all([0, 1, 2, 3, 4].map((gateway) => bus.publish('reports', numbered(gateway))));
      const all = [0, 1, 2, 3, 4].flatMap((gateway) => [0, 1, 2].map((at) => `${gateway}-${at}`));
      const expected = all.filter((report) => !poison.has(report));
      await expect.poll(() => [...new Set(stored)].toSorted(), soon).toEqual(expected);
      for (const gateway of ['0', '1', '2', '3', '4']) {
        const ofOne = stored.filter((report) => report.startsWith(gateway));
        expect(ofOne).toEqual(ofOne.toSorted());
      }
      await expect.poll(async () => (await deadLetters()).length, soon).toBe(2);
      const letters = await deadLetters();
      expect(letters.map(({ agent }) => agent).toSorted()).toEqual([uidOf(2), uidOf(3)].map(uuidOf));
      expect(letters[0]).toMatchObject({
        subject: 'reports',
        group: 'inventory',
        error: 'RangeError: Invalid string length',
      });
      expect(letters[0]!.tries).toBeGreaterThanOrEqual(3);
      await expect.poll(async () => (await bus.reportBacklog()).oldestAt, soon).toBeNull();

      poison.clear();
      for (const letter of letters) {
        await bus.replay(letter, (await bus.deadLetters.payloadOf(letter.id))!);
        await bus.deadLetters.remove(letter.id);
      }
      await expect.poll(() => [...new Set(stored)].toSorted(), soon).toEqual(all);
      expect(await deadLetters()).toEqual([]);
    });

    it('sets aside for one group what only that group cannot handle, down to the one agent', async () => {
      const uids = Array.from({ length: 6 }, () => randomUUID());
      const heard: Record<string, string[]> = { failing: [], healthy: [] };
      const consume = (group: string, fails: (uid: string) => boolean) =>
        other.consume('agents.changed', group, async (facts) => {
          const agents = facts.flatMap((fact) => fact.agents.map(({ uid }) => uid));
          if (agents.some(fails)) throw new Error('cannot be placed');
          heard[group]!.push(...agents);
        });
      let broken = true;
      await consume('failing', (uid) => broken && uid === uids[3]);
      await consume('healthy', () => false);
      await bus.publish('agents.changed', { agents: uids.map((uid) => ({ uid, changes: ['health'] })) });
      const others = uids.filter((_, at) => at !== 3);
      await expect.poll(() => heard['failing'], soon).toEqual(others);
      await expect.poll(() => heard['healthy'], soon).toEqual(uids);
      await expect.poll(async () => (await deadLetters()).length, soon).toBe(1);
      const [letter] = await deadLetters();
      expect(letter).toMatchObject({ subject: 'agents.changed', group: 'failing', agent: uids[3] });
      broken = false;
      await bus.replay(letter!, (await bus.deadLetters.payloadOf(letter!.id))!);
      await expect.poll(() => heard['failing'], soon).toEqual([...others, uids[3]]);
      await delay(50);
      expect(heard['healthy']).toEqual(uids);
    });

    it('sets aside all that a group never handles, one by one', async () => {
      await other.consume('fleets.changed', 'failing', async () => {
        throw new Error('always');
      });
      await publishFleets('one', 'two', 'three');
      await expect.poll(async () => (await deadLetters()).length, soon).toBe(3);
      expect((await deadLetters()).every(({ tries }) => tries >= 3)).toBe(true);
    });

    it('tries again as long as something is away, and sets nothing aside', async () => {
      const names: string[] = [];
      let attempts = 0;
      await other.consume('fleets.changed', 'a', async (facts) => {
        attempts += 1;
        if (attempts < 8) throw Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
        names.push(...facts.map(({ name }) => name));
      });
      await publishFleets('one', 'two');
      await expect.poll(() => names, soon).toEqual(['one', 'two']);
      expect(attempts).toBeGreaterThanOrEqual(8);
      expect(await deadLetters()).toEqual([]);
    });

    it('is not held up by a handler that does not end', { timeout: 30_000 }, async () => {
      const names: string[] = [];
      await other.consume('fleets.changed', 'a', async (facts) => {
        if (facts.some(({ name }) => name === 'hangs')) await new Promise(() => {});
        names.push(...facts.map(({ name }) => name));
      });
      await publishFleets('one', 'hangs', 'two', 'three');
      await expect.poll(() => names, { timeout: 20_000, interval: 20 }).toEqual(['one', 'two', 'three']);
      await expect.poll(async () => (await deadLetters()).length, soon).toBe(1);
      expect((await deadLetters())[0]!.error).toContain('handler-hung');
    });

    it('stops although a handler does not end', async () => {
      const subscription = await other.consume('fleets.changed', 'a', () => new Promise(() => {}));
      await publishFleets('one');
      await delay(100);
      await subscription.stop();
    });

    it('refuses to replay what is no fact', async () => {
      const letter = { subject: 'rollouts.advance', group: 'rollouts' };
      await expect(bus.replay(letter, new Uint8Array())).rejects.toThrow(NotReplayable);
    });

    it('tells since when reports wait, and that some are taken', async () => {
      const before = Date.now();
      const first = bus.publish('reports', frame('gateway-a', 1));
      await delay(20);
      const waiting = await bus.reportBacklog();
      expect(waiting.oldestAt).toBeGreaterThanOrEqual(before - 1_000);
      expect(waiting.oldestAt).toBeLessThanOrEqual(Date.now() + 1_000);
      await other.consume('reports', 'inventory', async () => {});
      await first;
      await expect.poll(async () => (await bus.reportBacklog()).oldestAt, soon).toBeNull();
      expect((await bus.reportBacklog()).taken).toBeGreaterThan(waiting.taken);
    });

    it('lives on when a listener rejects', async () => {
      const heard: string[] = [];
      const rejecting = async ({ id }: { id: string }) => {
        heard.push(id);
        throw new Error('a listener rejected');
      };
      await other.listen('access.token-revoked', (message) => rejecting(message) as unknown as void);
      const ids = [randomUUID(), randomUUID()];
      for (const id of ids) {
        bus.broadcast('access.token-revoked', { id });
        await expect.poll(() => heard, soon).toContain(id);
      }
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

function uidOf(number: number): Uint8Array {
  return new Uint8Array(16).fill(number);
}

function uuidOf(uid: Uint8Array): string {
  return Buffer.from(uid)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
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
