import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentId } from './agent-id.ts';
import { claimed } from './claimed.setup.ts';
import { unknownCertificate, type Claimant, type Owner } from './owner.ts';
import { timesLeft, type Claim, type Mark, type Presence } from './presence.ts';

/** An empty store. `passTime` lets leases run out. */
export interface PresenceFixture {
  presence: Presence;
  passTime(ms: number): Promise<void>;
  close(): Promise<void>;
}

const newSession = (epoch: number) => ({ kind: 'claimed', epoch, former: null, previous: null });

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
      return claimed(session);
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
      expect(await claim('gateway-a', agent, 1_000)).toEqual(newSession(1_000));
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
      expect(first.map((session) => claimed(session).epoch)).toEqual(agents.map((_, index) => index + 1));
      await presence.checkpoint(
        'gateway-a',
        agents.map((agent, index) => mark(agent, index + 1, { sequenceNum: index })),
      );
      const second = await presence.claim(
        'gateway-b',
        agents.map((agent) => ({ agent, now: 1 })),
      );
      expect(second.map((session) => claimed(session).previous?.sequenceNum)).toEqual(
        agents.map((_, index) => index),
      );
      expect((await presence.locate(agents)).size).toBe(2_500);
      expect(await presence.heldBy('gateway-b')).toHaveLength(2_500);
      const released = await presence.release(
        'gateway-b',
        agents.map((agent, index) => mark(agent, claimed(second[index]).epoch)),
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

    it('takes what the last holder noted late, until the next one has noted something', async () => {
      const agent = newAgent();
      const a = await claim('gateway-a', agent);
      const b = await claim('gateway-b', agent);
      const late = mark(agent, a.epoch, { sequenceNum: 4, capabilities: 3, fingerprints: Uint8Array.of(4) });
      expect(await presence.checkpoint('gateway-a', [late])).toEqual([]);
      expect(await presence.checkpoint('gateway-a', [{ ...late, lastSeen: 9_000 }])).toEqual([agent]);
      // One that knows nothing of the session says nothing of it.
      expect(await presence.checkpoint('gateway-b', [mark(agent, b.epoch, { sequenceNum: null })])).toEqual(
        [],
      );
      await presence.checkpoint('gateway-a', [{ ...late, sequenceNum: 5 }]);
      const c = await claim('gateway-c', agent);
      expect(c.previous).toMatchObject({ sequenceNum: 5, capabilities: 3, gateway: 'gateway-b' });
      expect([...c.previous!.fingerprints!]).toEqual([4]);
      await presence.checkpoint('gateway-b', [mark(agent, b.epoch, { sequenceNum: 7 })]);
      await presence.checkpoint('gateway-a', [{ ...late, sequenceNum: 6 }]);
      expect(await gatewayOf(agent)).toBe('gateway-c');
      expect((await claim('gateway-d', agent)).previous!.sequenceNum).toBe(7);
    });

    it('claims an agent that another gateway holds only from that one, when asked so', async () => {
      const agent = newAgent();
      const claimFrom = async (gateway: string, from: string) =>
        (await presence.claim(gateway, [{ agent, now: 1_000, from }]))[0];
      const { epoch } = claimed(await claimFrom('gateway-a', ''));
      const heldByA = { kind: 'held', gateway: 'gateway-a' };
      await presence.checkpoint('gateway-a', [mark(agent, epoch, { sequenceNum: 4 })]);
      expect([await claimFrom('gateway-b', ''), await claimFrom('gateway-b', 'gateway')]).toEqual([
        heldByA,
        heldByA,
      ]);
      expect(await presence.heldBy('gateway-a')).toEqual([{ agent, epoch }]);
      expect(claimed(await claimFrom('gateway-a', '')).epoch).toBe(epoch + 1);
      expect(claimed(await claimFrom('gateway-b', 'gateway-a')).epoch).toBe(epoch + 2);
      // Of two that were let have it, one comes first.
      expect(await claimFrom('gateway-c', 'gateway-a')).toEqual({ kind: 'held', gateway: 'gateway-b' });
      await presence.release('gateway-b', [mark(agent, epoch + 2)]);
      expect(claimed(await claimFrom('gateway-a', '')).previous).toMatchObject({ online: false });
    });

    describe('whose an agent is', () => {
      const [ours, others] = [`token/${randomUUID()}`, `token/${randomUUID()}`] as const;
      const cert = `certificate/${randomUUID().replaceAll('-', '')}` as const;
      const claimant = (owner: Owner, rest: Partial<Claimant> = {}): Claimant => ({
        owner,
        remoteAddress: '2001:db8::7',
        mayTakeOver: false,
        isNamed: false,
        ...rest,
      });
      const claimAs = async (agent: AgentId, by: Claimant, rest: Partial<Claim> = {}) =>
        (await presence.claim('gateway-a', [{ agent, now: 1_000, claimant: by, ...rest }]))[0]!;
      const kindFor = async (agent: AgentId, by: Claimant) => (await claimAs(agent, by)).kind;

      it.each<[string, Owner, Owner, Partial<Claimant>, boolean]>([
        ['a token, its own', ours, ours, {}, true],
        ['a token, another', ours, others, {}, false],
        ['a token, another that may take over', ours, others, { mayTakeOver: true }, true],
        ['a token, a certificate', ours, cert, {}, false],
        ['a token, a certificate that names it', ours, cert, { isNamed: true }, true],
        ['a certificate, itself', cert, cert, {}, true],
        ['a certificate, a token', cert, ours, {}, false],
        ['a certificate, a token that may take over', cert, ours, { mayTakeOver: true }, false],
        ['a certificate that was not noted, any', unknownCertificate, cert, {}, true],
        ['a certificate that was not noted, a token', unknownCertificate, ours, { mayTakeOver: true }, false],
      ])('belongs to %s', async (_, owner, other, rest, isGiven) => {
        await presence.seed([]);
        const agent = newAgent();
        await claimAs(agent, claimant(owner, { remoteAddress: '192.0.2.1' }));
        await presence.checkpoint('gateway-a', [mark(agent, 1_000, { sequenceNum: 3 })]);
        const keeper = { owner, remoteAddress: '192.0.2.1' };
        const outcome = await claimAs(agent, claimant(other, rest));
        if (!isGiven) {
          expect(outcome).toEqual({ kind: 'foreign', keeper });
          expect(await presence.heldBy('gateway-a')).toEqual([{ agent, epoch: 1_000 }]);
          expect(await kindFor(agent, claimant(owner))).toBe('claimed');
          return;
        }
        expect(claimed(outcome).previous).toMatchObject({ sequenceNum: 3 });
        expect(claimed(outcome).takenFrom).toEqual(owner === other ? undefined : keeper);
        expect(await kindFor(agent, claimant(other))).toBe('claimed');
        if (owner !== other && owner !== unknownCertificate) {
          expect(await claimAs(agent, claimant(owner))).toEqual({
            kind: 'foreign',
            keeper: { owner: other, remoteAddress: '2001:db8::7' },
          });
        }
      });

      it('stays whose it is when it is let go of, left or renamed; not when it is forgotten', async () => {
        await presence.seed([]);
        const [agent, successor] = [newAgent(), newAgent()];
        await claimAs(agent, claimant(ours));
        await presence.release('gateway-a', [mark(agent, 1_000)]);
        expect(await kindFor(agent, claimant(others))).toBe('foreign');
        await presence.rename(agent, successor);
        expect(await kindFor(successor, claimant(others))).toBe('foreign');
        expect(await kindFor(agent, claimant(ours))).toBe('claimed');
        expect(await kindFor(successor, claimant(ours))).toBe('claimed');
        expect(await kindFor(successor, claimant(others))).toBe('foreign');
        // Only the agent's own is told its new name.
        expect(await kindFor(agent, claimant(others))).toBe('foreign');
        expect(await claimAs(agent, claimant(ours))).toEqual({ kind: 'renamed', successor });
        await presence.forget([successor]);
        expect(await kindFor(successor, claimant(others))).toBe('claimed');
      });

      it('is known again after the store was wiped, and nobody is let in before', async () => {
        const [agent, renamed, former, held] = [newAgent(), newAgent(), newAgent(), newAgent()];
        expect(await presence.isSeeded()).toBe(false);
        expect(await kindFor(agent, claimant(others))).toBe('unseeded');
        expect((await claimAs(held, claimant(ours), { isKnown: true, now: 9_000 })).kind).toBe('claimed');
        const record = {
          epoch: 2_000,
          sequenceNum: 3,
          lastSeen: 1,
          capabilities: 0,
          remoteAddress: '192.0.2.9',
        };
        const seeds = [agent, renamed, held].map((id) => ({
          agent: id,
          owner: id === held ? others : ours,
          ...record,
        }));
        await presence.seed(
          [...seeds, { ...record, agent: newAgent(), owner: null }],
          [{ former, successor: renamed }],
        );
        expect(await claimAs(agent, claimant(others))).toEqual({
          kind: 'foreign',
          keeper: { owner: ours, remoteAddress: '192.0.2.9' },
        });
        expect(claimed(await claimAs(agent, claimant(ours))).previous).toMatchObject({ sequenceNum: 3 });
        expect(await kindFor(former, claimant(others))).toBe('foreign');
        expect(await claimAs(former, claimant(ours))).toEqual({ kind: 'renamed', successor: renamed });
        // What a gateway said meanwhile is newer.
        expect(await kindFor(held, claimant(others))).toBe('foreign');
        expect(await kindFor(newAgent(), claimant(others))).toBe('claimed');
      });

      it('is learned from the first claim when it was not known', async () => {
        const agent = newAgent();
        await claim('gateway-b', agent);
        await presence.seed([{ agent, epoch: 1, sequenceNum: 0, lastSeen: 0, capabilities: 0, owner: cert }]);
        expect(await kindFor(agent, claimant(ours))).toBe('foreign');
        const other = newAgent();
        await claim('gateway-b', other);
        expect(await kindFor(other, claimant(ours))).toBe('claimed');
        expect(await kindFor(other, claimant(others))).toBe('foreign');
      });
    });

    it('goes on under a new name with what was known under the former one', async () => {
      const [former, successor] = [newAgent(), newAgent()];
      const { epoch } = await claim('gateway-a', former);
      const fingerprints = Uint8Array.from({ length: 128 }, (_, index) => index);
      await presence.checkpoint('gateway-a', [mark(former, epoch, { sequenceNum: 4, fingerprints })]);
      await presence.rename(former, successor);
      expect(await gatewayOf(former)).toBe('gateway-a');
      const first = await claim('gateway-b', successor, 1);
      expect(first).toMatchObject({ epoch: epoch + 1, former, previous: { sequenceNum: 4, online: true } });
      expect(Uint8Array.from(first.previous!.fingerprints!)).toEqual(fingerprints);
      expect(await presence.claim('gateway-a', [{ agent: former, now: 1 }])).toEqual([
        { kind: 'renamed', successor },
      ]);
      expect(await presence.release('gateway-a', [mark(former, epoch)])).toEqual([]);
      expect(await presence.heldBy('gateway-a')).toEqual([]);
      expect(await presence.heldBy('gateway-b')).toEqual([{ agent: successor, epoch: epoch + 1 }]);
      expect((await claim('gateway-b', successor)).former).toBe(former);
      await presence.confirmRename(successor);
      expect((await claim('gateway-b', successor)).former).toBeNull();
      expect(await presence.claim('gateway-a', [{ agent: former, now: 1 }])).toMatchObject([
        { kind: 'renamed' },
      ]);
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
      expect(await claim('gateway-a', agent, 3_000)).toEqual(newSession(3_000));
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

    it('tells a gateway that it had no lease until now', async () => {
      expect(await presence.renewLease('gateway-a', 200)).toBe(false);
      expect(await presence.renewLease('gateway-a', 200)).toBe(true);
      await fixture.passTime(250);
      expect(await presence.renewLease('gateway-a', 60_000)).toBe(false);
      // One that holds agents and was never heard of: Presence was wiped, and it lives.
      await claim('gateway-b', newAgent());
      expect(await presence.expiredGateways()).toEqual([]);
      expect(await presence.renewLease('gateway-b', 60_000)).toBe(false);
      expect(await presence.renewLease('gateway-b', 60_000)).toBe(true);
    });

    it('has one agent asked for a list of components, another when that one does not answer', async () => {
      const hash = randomUUID();
      const find = () => presence.findComponents(hash, 200);
      const asked = await Promise.all([find(), find(), find()]);
      expect(asked.map(({ ask }) => ask).sort()).toEqual([false, false, true]);
      await fixture.passTime(250);
      expect(await find()).toEqual({ content: null, ask: true });
      await presence.keepComponents(hash, 'ab12');
      await fixture.passTime(250);
      expect(await find()).toEqual({ content: 'ab12', ask: false });
    });

    it('leaves agents to nobody: online until that runs out, unless they are claimed', async () => {
      const [stays, moves, elsewhere] = [newAgent(), newAgent(), newAgent()];
      const marks = await Promise.all(
        [stays, moves, elsewhere].map(async (agent) => {
          const { epoch } = await claim('gateway-a', agent);
          return mark(agent, epoch, { sequenceNum: 6, capabilities: 1 });
        }),
      );
      await presence.renewLease('gateway-b', 60_000);
      await claim('gateway-b', elsewhere);
      await presence.leave('gateway-a', marks, 300);
      await presence.endLease('gateway-a');
      expect(await gatewayOf(elsewhere)).toBe('gateway-b');
      const moved = await claim('gateway-b', moves);
      expect(moved.previous).toMatchObject({ sequenceNum: 6, online: true });
      expect(await presence.expiredGateways()).toEqual([]);
      await fixture.passTime(350);
      const [nobody] = await presence.expiredGateways();
      expect(await presence.heldBy(nobody!)).toEqual([{ agent: stays, epoch: marks[0]!.epoch }]);
      expect(await presence.release(nobody!, [mark(stays, marks[0]!.epoch)])).toEqual([stays]);
    });

    it('knows when all should be back who were turned away, whoever did it', async () => {
      expect(await presence.returnsWithin()).toBe(0);
      await presence.expectReturns(60_000);
      await presence.expectReturns(100);
      const within = await presence.returnsWithin();
      expect(within).toBeGreaterThan(50_000);
      expect(within).toBeLessThanOrEqual(60_000);
    });

    it('expects nobody any more when that time is over', async () => {
      await presence.expectReturns(100);
      await fixture.passTime(150);
      expect(await presence.returnsWithin()).toBe(0);
    });

    it('tells by the holder how often agents have been left', async () => {
      const agent = newAgent();
      const { epoch } = await claim('gateway-a', agent);
      await presence.leave('gateway-a', [mark(agent, epoch)], 60_000);
      const nobody = (await gatewayOf(agent))!;
      await presence.leave(nobody, [mark(agent, epoch)], 60_000);
      expect(['gateway-a', nobody, (await gatewayOf(agent))!].map(timesLeft)).toEqual([0, 1, 2]);
    });

    it('ends a lease together with all that its gateway holds', async () => {
      await presence.renewLease('gateway-a', 60_000);
      const [stays, moves] = [newAgent(), newAgent()];
      await presence.claim(
        'gateway-a',
        [stays, moves].map((agent) => ({ agent, now: 1 })),
      );
      await presence.renewLease('gateway-b', 300);
      await claim('gateway-b', moves);
      await fixture.passTime(350);
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
        ...newSession(1_001),
        previous: {
          sequenceNum: 3,
          fingerprints: null,
          online: false,
          gateway: null,
          capabilities: 5,
          lastSeen: 900,
        },
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
