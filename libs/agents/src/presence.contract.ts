import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentId } from './agent-id.ts';
import type { Mark, Presence } from './presence.ts';

/** An empty store. `passTime` lets leases run out. */
export interface PresenceFixture {
  presence: Presence;
  passTime(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** What every Presence promises. */
export function presenceContract(open: () => Promise<PresenceFixture>): void {
  describe('Presence', () => {
    let fixture: PresenceFixture;
    let presence: Presence;

    beforeEach(async () => {
      fixture = await open();
      presence = fixture.presence;
    });
    afterEach(() => fixture.close());

    const newAgent = () => randomUUID() as AgentId;
    const claim = async (gateway: string, agent: AgentId, now = 1_000) => {
      const [session] = await presence.claim(gateway, [{ agent, now }]);
      return session!;
    };
    const mark = (agent: AgentId, epoch: number, rest: Partial<Mark> = {}): Mark => ({
      agent,
      epoch,
      sequenceNum: 0,
      lastSeen: 0,
      capabilities: 0,
      fingerprints: null,
      ...rest,
    });
    const gatewayOf = async (agent: AgentId) => (await presence.locate([agent])).get(agent) ?? null;

    it('makes the gateway the holder of an agent that nobody knew', async () => {
      const agent = newAgent();
      expect(await claim('gateway-a', agent, 1_000)).toEqual({ epoch: 1_000, previous: null });
      expect(await gatewayOf(agent)).toBe('gateway-a');
      expect(await presence.lastSeen([agent, newAgent()])).toEqual(new Map([[agent, 1_000]]));
      expect(await presence.heldBy('gateway-a')).toEqual([{ agent, epoch: 1_000 }]);
    });

    it('gives the next gateway what the last one noted', async () => {
      const agent = newAgent();
      const { epoch } = await claim('gateway-a', agent);
      const fingerprints = Uint8Array.from({ length: 128 }, (_, index) => index * 2);
      await presence.checkpoint('gateway-a', [
        mark(agent, epoch, {
          sequenceNum: 2 ** 40,
          lastSeen: 5_000,
          capabilities: 2 ** 35 + 1,
          fingerprints,
        }),
      ]);
      const session = await claim('gateway-b', agent, 6_000);
      expect(session.epoch).toBe(6_000);
      expect(session.previous).toMatchObject({
        sequenceNum: 2 ** 40,
        online: true,
        gateway: 'gateway-a',
        capabilities: 2 ** 35 + 1,
      });
      expect(Uint8Array.from(session.previous?.fingerprints ?? [])).toEqual(fingerprints);
      expect(await gatewayOf(agent)).toBe('gateway-b');
      expect(await presence.heldBy('gateway-a')).toEqual([]);
    });

    it('raises the epoch with every claim, also when clocks stand still or go back', async () => {
      const agent = newAgent();
      const epochs = [];
      for (const now of [1_000, 1_000, 500, 1_002, 9_000])
        epochs.push((await claim('gateway-a', agent, now)).epoch);
      expect(epochs).toEqual([1_000, 1_001, 1_002, 1_003, 9_000]);
    });

    it('gives one agent to one gateway at a time, however many claim it at once', async () => {
      const agent = newAgent();
      const gateways = Array.from({ length: 20 }, (_, index) => `gateway-${index}`);
      const sessions = await Promise.all(gateways.map((gateway) => claim(gateway, agent)));
      expect(new Set(sessions.map(({ epoch }) => epoch)).size).toBe(20);
      expect(sessions.filter(({ previous }) => previous === null)).toHaveLength(1);
      const holder = gateways[sessions.findIndex(({ epoch }) => epoch === 1_019)];
      expect(await gatewayOf(agent)).toBe(holder);
      const held = await Promise.all(gateways.map((gateway) => presence.heldBy(gateway)));
      expect(held.flat()).toEqual([{ agent, epoch: 1_019 }]);
    });

    it('answers thousands of claims in the order of the question', async () => {
      const agents = Array.from({ length: 2_500 }, newAgent);
      const first = await presence.claim(
        'gateway-a',
        agents.map((agent, index) => ({ agent, now: index + 1 })),
      );
      expect(first.map(({ epoch }) => epoch)).toEqual(agents.map((_, index) => index + 1));
      await presence.checkpoint(
        'gateway-a',
        agents.map((agent, index) => mark(agent, index + 1, { sequenceNum: index })),
      );
      const second = await presence.claim(
        'gateway-b',
        agents.map((agent) => ({ agent, now: 1 })),
      );
      expect(second.map(({ previous }) => previous?.sequenceNum)).toEqual(agents.map((_, index) => index));
      expect((await presence.locate(agents)).size).toBe(2_500);
      expect(await presence.heldBy('gateway-b')).toHaveLength(2_500);
      const released = await presence.release(
        'gateway-b',
        agents.map((agent, index) => mark(agent, second[index]!.epoch)),
      );
      expect(released).toEqual(agents);
    });

    it('keeps fingerprints and capabilities that a mark does not name', async () => {
      const agent = newAgent();
      const { epoch } = await claim('gateway-a', agent);
      await presence.checkpoint('gateway-a', [
        mark(agent, epoch, { capabilities: 7, fingerprints: Uint8Array.of(1) }),
      ]);
      await presence.checkpoint('gateway-a', [mark(agent, epoch, { sequenceNum: 3 })]);
      const { previous } = await claim('gateway-b', agent);
      expect(previous).toMatchObject({ sequenceNum: 3, capabilities: 7 });
      expect([...previous!.fingerprints!]).toEqual([1]);
      const later = await claim('gateway-b', agent);
      await presence.checkpoint('gateway-b', [mark(agent, later.epoch, { fingerprints: new Uint8Array(0) })]);
      expect([...(await claim('gateway-b', agent)).previous!.fingerprints!]).toEqual([]);
    });

    it('ignores the checkpoint of an epoch that has passed, and of an agent that nobody knows', async () => {
      const [agent, unknown] = [newAgent(), newAgent()];
      const old = await claim('gateway-a', agent);
      const current = await claim('gateway-b', agent);
      await presence.checkpoint('gateway-b', [mark(agent, current.epoch, { sequenceNum: 9 })]);
      await presence.checkpoint('gateway-a', [mark(agent, old.epoch, { sequenceNum: 4 }), mark(unknown, 1)]);
      expect((await claim('gateway-c', agent)).previous).toMatchObject({
        sequenceNum: 9,
        gateway: 'gateway-b',
      });
      expect((await claim('gateway-c', unknown)).previous).toBeNull();
    });

    it('lets go of an agent once, and tells only the caller', async () => {
      const agent = newAgent();
      const { epoch } = await claim('gateway-a', agent);
      const gone = mark(agent, epoch, { sequenceNum: 8, lastSeen: 4_000, fingerprints: Uint8Array.of(5) });
      expect(await presence.release('gateway-a', [gone])).toEqual([agent]);
      expect(await presence.release('gateway-a', [gone])).toEqual([]);
      expect(await gatewayOf(agent)).toBeNull();
      expect(await presence.lastSeen([agent])).toEqual(new Map([[agent, 4_000]]));
      expect(await presence.heldBy('gateway-a')).toEqual([]);
      const { previous } = await claim('gateway-b', agent);
      expect(previous).toMatchObject({ sequenceNum: 8, online: false, gateway: null });
      expect([...previous!.fingerprints!]).toEqual([5]);
    });

    it('keeps the sequence number when whoever lets go does not know it', async () => {
      const agent = newAgent();
      const { epoch } = await claim('gateway-a', agent);
      await presence.checkpoint('gateway-a', [mark(agent, epoch, { sequenceNum: 12 })]);
      await presence.release('gateway-a', [mark(agent, epoch, { sequenceNum: null })]);
      expect((await claim('gateway-b', agent)).previous).toMatchObject({ sequenceNum: 12, online: false });
    });

    it('ignores the release of an agent that has reconnected', async () => {
      const [agent, unknown] = [newAgent(), newAgent()];
      const old = await claim('gateway-a', agent);
      await claim('gateway-b', agent);
      expect(await presence.release('gateway-a', [mark(agent, old.epoch), mark(unknown, 1)])).toEqual([]);
      const again = await claim('gateway-b', agent);
      expect(await presence.release('gateway-a', [mark(agent, again.epoch)])).toEqual([]);
      expect(await gatewayOf(agent)).toBe('gateway-b');
    });

    it('does not bring an agent back by a checkpoint that comes after its release', async () => {
      const agent = newAgent();
      const { epoch } = await claim('gateway-a', agent);
      await presence.release('gateway-a', [mark(agent, epoch)]);
      await presence.checkpoint('gateway-a', [mark(agent, epoch, { sequenceNum: 5 })]);
      expect(await gatewayOf(agent)).toBeNull();
      expect((await claim('gateway-b', agent)).previous).toMatchObject({ online: false, sequenceNum: 5 });
    });

    it('forgets an agent altogether', async () => {
      const agent = newAgent();
      const { epoch } = await claim('gateway-a', agent);
      await presence.checkpoint('gateway-a', [mark(agent, epoch, { fingerprints: Uint8Array.of(1) })]);
      await presence.forget([agent, newAgent()]);
      expect(await gatewayOf(agent)).toBeNull();
      expect(await presence.lastSeen([agent])).toEqual(new Map());
      expect(await presence.heldBy('gateway-a')).toEqual([]);
      expect(await claim('gateway-a', agent, 3_000)).toEqual({ epoch: 3_000, previous: null });
    });

    it('names gateways that hold agents and whose lease has run out', async () => {
      await presence.renewLease('gateway-a', 100);
      await presence.renewLease('gateway-b', 60_000);
      await presence.renewLease('gateway-idle', 100);
      const agents = [newAgent(), newAgent()] as const;
      const { epoch } = await claim('gateway-a', agents[0]);
      await claim('gateway-b', agents[1]);
      expect(await presence.expiredGateways()).toEqual([]);
      await fixture.passTime(150);
      expect(await presence.expiredGateways()).toEqual(['gateway-a']);
      await presence.renewLease('gateway-a', 60_000);
      expect(await presence.expiredGateways()).toEqual([]);
      await presence.renewLease('gateway-a', 1);
      await fixture.passTime(50);
      await presence.release('gateway-a', [mark(agents[0], epoch)]);
      expect(await presence.expiredGateways()).toEqual([]);
    });

    it('ends a lease together with all that its gateway holds', async () => {
      await presence.renewLease('gateway-a', 60_000);
      const [stays, moves] = [newAgent(), newAgent()];
      await presence.claim(
        'gateway-a',
        [stays, moves].map((agent) => ({ agent, now: 1 })),
      );
      await claim('gateway-b', moves);
      await presence.endLease('gateway-a');
      expect(await presence.heldBy('gateway-a')).toEqual([]);
      expect(await presence.expiredGateways()).toEqual(['gateway-b']);
      expect(await presence.locate([stays, moves])).toEqual(new Map([[moves, 'gateway-b']]));
    });

    it('takes what Postgres knows, but nothing newer than it has', async () => {
      expect(await presence.isSeeded()).toBe(false);
      const [unknown, newer, older] = [newAgent(), newAgent(), newAgent()];
      await claim('gateway-a', newer, 2_000);
      await claim('gateway-a', older, 2_000);
      const record = { sequenceNum: 3, lastSeen: 900, capabilities: 5 };
      await presence.seed([
        { agent: unknown, epoch: 1_000, ...record },
        { agent: newer, epoch: 1_999, ...record },
        { agent: older, epoch: 2_001, ...record },
      ]);
      expect(await presence.isSeeded()).toBe(true);
      expect(await claim('gateway-b', unknown, 1)).toEqual({
        epoch: 1_001,
        previous: { sequenceNum: 3, fingerprints: null, online: false, gateway: null, capabilities: 5 },
      });
      expect((await claim('gateway-b', newer, 1)).previous).toMatchObject({ sequenceNum: 0, online: true });
      expect((await claim('gateway-b', older, 1)).epoch).toBe(2_002);
    });

    it('counts as seeded after a seed of nothing', async () => {
      await presence.seed([]);
      expect(await presence.isSeeded()).toBe(true);
    });

    it('learns again from checkpoints who holds an agent that was seeded', async () => {
      const [agent, other] = [newAgent(), newAgent()];
      const record = { sequenceNum: 0, lastSeen: 0, capabilities: 0 };
      await presence.seed([agent, other].map((id) => ({ agent: id, epoch: 1_000, ...record })));
      await presence.checkpoint('gateway-a', [mark(agent, 1_007, { sequenceNum: 4 })]);
      expect(await gatewayOf(agent)).toBe('gateway-a');
      expect(await presence.heldBy('gateway-a')).toEqual([{ agent, epoch: 1_007 }]);
      expect(await presence.release('gateway-a', [mark(other, 1_000)])).toEqual([other]);
    });
  });
}
