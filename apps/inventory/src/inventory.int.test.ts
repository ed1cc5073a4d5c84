import { Audit } from '@muster/access/audit.postgres';
import { agentIdToBytes, type AgentId } from '@muster/agents/agent-id';
import { AgentViews } from '@muster/agents/agent-views.postgres';
import { claimed } from '@muster/agents/claimed.setup';
import { createMemoryPresence } from '@muster/agents/presence.memory';
import type { Owner } from '@muster/agents/owner';
import { timesLeft, unchangedMark, type Presence } from '@muster/agents/presence';
import { testReport } from '@muster/agents/test-report.setup';
import { createTestDatabase, type TestDatabase } from '@muster/db/test-database.postgres';
import { createMemoryEventBus } from '@muster/messages/event-bus.memory';
import type { EventBus } from '@muster/messages/event-bus';
import type { Report } from '@muster/messages/report-frame';
import type { AgentsChanged } from '@muster/messages/vocabulary';
import { silentLog } from '@muster/platform/log';
import { AgentToServer } from '@muster/opamp/opamp';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startInventory, upkeepDefaults } from './start.ts';

const times = { ...upkeepDefaults, sweepMs: 20, lostAfterMs: 60 };
const httpSilenceMs = 90_000;
const uidOf = (number: number) => `0190a0b0-0000-7000-8000-${String(number).padStart(12, '0')}` as AgentId;

let database: TestDatabase;
let bus: EventBus;
let presence: Presence;
let clock: number;
let told: AgentsChanged['agents'];
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  await sql`truncate agents, agent_states, agent_renames`.execute(database.db);
  clock = Date.now();
  bus = createMemoryEventBus({ retryPauseMs: 20 });
  presence = createMemoryPresence({ now: () => clock });
  told = [];
  await bus.listen('agents.changed', ({ agents }) => void told.push(...agents));
});
afterEach(async () => {
  vi.useRealTimers();
  for (const stop of stops.splice(0)) await stop();
  await bus.close();
});

async function start(overrides: Partial<typeof times> = {}, silenceMs = httpSilenceMs) {
  const inventory = await startInventory({
    db: database.db,
    bus,
    presence,
    httpSilenceMs: silenceMs,
    // Ids of events are of any day here.
    retention: { forgetAgentsAfterDays: 90, keepAuditDays: 0 },
    log: silentLog,
    times: { ...times, ...overrides },
  });
  stops.push(() => inventory.stop());
  return inventory;
}

const report = (agent: number, fields: Partial<Report>) =>
  testReport(uidOf(agent), { receivedAt: clock, ...fields });

/** Agents connect to a gateway the way gateways do it. */
const connect = (gateway: string, ...agents: number[]) => connectOver('websocket', gateway, ...agents);

async function connectOver(transport: Report['transport'], gateway: string, ...agents: number[]) {
  await presence.renewLease(gateway, 15_000);
  const sessions = await presence.claim(
    gateway,
    agents.map((agent) => ({ agent: uidOf(agent), now: clock })),
  );
  const agentToServer = AgentToServer.encode({ capabilities: 0x807 }).finish();
  const reports = agents.map((agent, index) => {
    const { epoch } = claimed(sessions[index]);
    return report(agent, { epoch, sequenceNum: 5, connected: true, agentToServer, transport });
  });
  await bus.publish('reports', { gateway, reports });
}

/** Several sweeps have looked at the leases as they are now. */
async function settled() {
  const looks = vi.spyOn(presence, 'expiredGateways');
  await vi.waitFor(() => expect(looks.mock.calls.length).toBeGreaterThan(2));
  looks.mockRestore();
}

async function statuses() {
  const { items } = await new AgentViews(database.db).page({ limit: 100 });
  return items.map(({ status }) => status);
}

describe('reports', () => {
  it('are stored and told of when the publish resolves', async () => {
    await start();
    await connect('gateway-1', 1, 2);
    expect(await statuses()).toEqual(['connected', 'connected']);
    expect(told).toEqual([
      { uid: uidOf(1), changes: ['enrolled', 'connected', 'capabilities'] },
      { uid: uidOf(2), changes: ['enrolled', 'connected', 'capabilities'] },
    ]);
  });

  it('come again until they could be told of', async () => {
    await start();
    const publish = bus.publish.bind(bus);
    let failures = 2;
    vi.spyOn(bus, 'publish').mockImplementation((subject, fact) =>
      subject === 'agents.changed' && failures-- > 0
        ? Promise.reject(new Error('down'))
        : publish(subject, fact),
    );
    await connect('gateway-1', 1);
    expect(await statuses()).toEqual(['connected']);
    expect(told).toEqual([{ uid: uidOf(1), changes: ['connected', 'capabilities'] }]);
  });

  it('that nobody could read do not hold up the others', async () => {
    await start();
    await bus.publish('reports', {
      gateway: 'gateway-1',
      reports: [
        report(1, { agentToServer: Buffer.from([0xff, 0xff]), connected: true }),
        report(2, { instanceUid: Buffer.from('short') }),
        report(3, { connected: true }),
      ],
    });
    expect(await statuses()).toEqual(['connected', 'connected']);
  });
});

it('a client that was given another uid is in the audit log, once', async () => {
  await start();
  const fact = {
    gateway: 'gateway-1',
    former: uidOf(1),
    uid: uidOf(2),
    reason: 'duplicate' as const,
    remoteAddress: '192.0.2.7',
  };
  for (let i = 0; i < 2; i++) await bus.publish('agents.reidentified', fact);
  const events = async () =>
    (await new Audit(database.db).page({ resource: `agent/${uidOf(2)}`, limit: 10 })).items;
  await vi.waitFor(async () => expect(await events()).not.toEqual([]));
  expect(await events()).toMatchObject([{ actor: 'system', action: 'agents.reidentify', detail: fact }]);
});

it('who wanted an agent of another is in the audit log, once, with both addresses', async () => {
  await start();
  const fact = {
    id: '0192b1d0-0000-7000-8000-00000000c0de',
    gateway: 'gateway-1',
    uid: uidOf(1),
    outcome: 'refused' as const,
    owner: 'token/0192b1d0-0000-7000-8000-000000000001',
    claimant: 'token/0192b1d0-0000-7000-8000-000000000002',
    ownerAddress: '192.0.2.7',
    remoteAddress: '198.51.100.9',
    count: 12,
  };
  for (let i = 0; i < 2; i++) await bus.publish('agents.contested', fact);
  await bus.publish('agents.contested', { ...fact, id: fact.id.replace('c0de', 'c0df'), uid: null });
  const events = async (resource: string) =>
    (await new Audit(database.db).page({ resource, limit: 10 })).items;
  await vi.waitFor(async () => expect(await events('gateway/gateway-1')).toHaveLength(1));
  const { id, outcome, ...detail } = fact;
  expect(await events(`agent/${uidOf(1)}`)).toMatchObject([
    { id, actor: 'system', action: 'agents.refuse', detail },
  ]);
  expect(outcome).toBe('refused');
});

describe('a gateway whose lease has run out', () => {
  it('has its agents reported disconnected, except those that came back elsewhere', async () => {
    await start();
    await connect('gateway-1', 1, 2);
    const heldBefore = await presence.heldBy('gateway-1');
    await connect('gateway-2', 2);
    // Agent 2 moves just after the sweep looked.
    vi.spyOn(presence, 'heldBy').mockResolvedValueOnce(heldBefore);
    clock += 14_000;
    await presence.renewLease('gateway-2', 15_000);
    clock += 2_000;
    await vi.waitFor(async () => expect(await statuses()).toEqual(['disconnected', 'connected']));
    await vi.waitFor(async () => expect(await presence.expiredGateways()).toEqual([]));
    expect(told.filter(({ changes }) => changes.includes('disconnected'))).toEqual([
      { uid: uidOf(1), changes: ['disconnected'] },
    ]);
    const session = claimed((await presence.claim('gateway-2', [{ agent: uidOf(1), now: clock }]))[0]);
    expect(session.previous).toMatchObject({ online: false });
  });

  it('has its agents stay connected while gateways have a queue, until that is over', async () => {
    await start();
    await connect('gateway-1', 1, 2);
    await presence.expectReturns(60_000);
    clock += 16_000;
    await vi.waitFor(async () => expect(await presence.heldBy('gateway-1')).toEqual([]));
    expect(await statuses()).toEqual(['connected', 'connected']);
    await connect('gateway-2', 2);
    await presence.renewLease('gateway-2', 120_000);
    clock += 45_000;
    await vi.waitFor(async () => expect(await statuses()).toEqual(['disconnected', 'connected']));
  });

  it('does not have them stay connected for ever when the queue never ends', async () => {
    await start();
    await connect('gateway-1', 1);
    const holder = async () => (await presence.locate([uidOf(1)])).get(uidOf(1)) ?? null;
    const holders: (string | null)[] = [await holder()];
    while (holders.at(-1) !== null && holders.length < 10) {
      await presence.expectReturns(120_000);
      clock += 61_000;
      await vi.waitFor(async () => expect(await holder()).not.toBe(holders.at(-1)));
      holders.push(await holder());
    }
    expect(holders.map((name) => name && timesLeft(name))).toEqual([0, 1, 2, 3, null]);
    await vi.waitFor(async () => expect(await statuses()).toEqual(['disconnected']));
  });

  it('has its agents on plain HTTP stay connected until they were silent for too long, or polled elsewhere', async () => {
    const pass = (ms: number) => vi.setSystemTime((clock += ms));
    pass(0);
    await start();
    await connect('gateway-1', 1);
    await connectOver('http', 'gateway-1', 2);
    pass(30_000);
    await connectOver('http', 'gateway-1', 3, 4);
    pass(16_000);
    await vi.waitFor(async () => expect(await presence.heldBy('gateway-1')).toEqual([]));
    await vi.waitFor(async () =>
      expect(await statuses()).toEqual(['disconnected', 'connected', 'connected', 'connected']),
    );
    await connectOver('http', 'gateway-2', 4);
    await presence.renewLease('gateway-2', 600_000);
    pass(43_000);
    await settled();
    expect(await statuses()).toEqual(['disconnected', 'connected', 'connected', 'connected']);
    pass(1_000 + httpSilenceMs / 10);
    await vi.waitFor(async () =>
      expect(await statuses()).toEqual(['disconnected', 'disconnected', 'connected', 'connected']),
    );
    pass(20_000);
    await settled();
    expect(await statuses()).toEqual(['disconnected', 'disconnected', 'connected', 'connected']);
    pass(1_000 + httpSilenceMs / 10);
    await vi.waitFor(async () =>
      expect(await statuses()).toEqual(['disconnected', 'disconnected', 'disconnected', 'connected']),
    );
  });

  it('has those of them that waited for their turn stay connected as long as they may be silent', async () => {
    vi.setSystemTime(clock);
    await start();
    await connectOver('http', 'gateway-1', 1);
    await connect('gateway-1', 2);
    await presence.expectReturns(30_000);
    vi.setSystemTime((clock += 16_000));
    await vi.waitFor(async () => expect(await presence.heldBy('gateway-1')).toEqual([]));
    vi.setSystemTime((clock += 16_000));
    await vi.waitFor(async () => expect(await statuses()).toEqual(['connected', 'disconnected']));
  });

  it('has its agents stored as disconnected although the first try failed', async () => {
    await start();
    await connect('gateway-1', 1);
    const publish = bus.publish.bind(bus);
    let failures = 2;
    vi.spyOn(bus, 'publish').mockImplementation((subject, fact) =>
      failures-- > 0 ? Promise.reject(new Error('down')) : publish(subject, fact),
    );
    clock += 16_000;
    await vi.waitFor(async () => {
      expect(told.filter(({ changes }) => changes.includes('disconnected'))).toHaveLength(1);
    });
    expect(await statuses()).toEqual(['disconnected']);
  });
});

describe('after a crash', () => {
  it('Presence is seeded with what the tables know, before anybody can connect', async () => {
    await start();
    await connect('gateway-1', 1);
    presence = createMemoryPresence({ now: () => clock });
    await start();
    const session = claimed((await presence.claim('gateway-1', [{ agent: uidOf(1), now: 1 }]))[0]);
    expect(session.previous).toMatchObject({ sequenceNum: 5, online: false, capabilities: 0x807 });
    expect(session.epoch).toBeGreaterThan(clock);
  });

  it('Presence knows again whose each agent is, by its last token or certificate, and its former names', async () => {
    await start();
    const [first, second] = ['0192b1d0-0000-7000-8000-000000000001', '0192b1d0-0000-7000-8000-000000000002'];
    const identity = Buffer.alloc(16, 0xce);
    const connected = { ...report(1, { connected: true }), enrollmentTokenId: first };
    await bus.publish('reports', {
      gateway: 'gateway-1',
      reports: [
        connected,
        // It came over to another token.
        { ...connected, epoch: connected.epoch + 1, enrollmentTokenId: second },
        { ...report(2, { connected: true }), enrollmentTokenId: first, certificateIdentity: identity },
        { ...report(4, { connected: true }), enrollmentTokenId: first },
      ],
    });
    await vi.waitFor(async () => expect(await statuses()).toHaveLength(3));
    const renamed = { ...report(5, { connected: true }), enrollmentTokenId: first };
    await bus.publish('reports', {
      gateway: 'gateway-1',
      reports: [{ ...renamed, epoch: renamed.epoch + 1, formerInstanceUid: agentIdToBytes(uidOf(4)) }],
    });
    await vi.waitFor(async () =>
      expect(await database.db.selectFrom('agent_renames').selectAll().execute()).toHaveLength(1),
    );
    presence = createMemoryPresence({ now: () => clock });
    await start();
    const claimAs = async (agent: number, owner: Owner) => {
      const claimant = { owner, remoteAddress: '192.0.2.9', mayTakeOver: false, isNamed: false };
      return (await presence.claim('gateway-1', [{ agent: uidOf(agent), now: 1, claimant }]))[0]!.kind;
    };
    const certificate = `certificate/${identity.toString('hex')}` as const;
    expect([await claimAs(1, `token/${first}`), await claimAs(1, `token/${second}`)]).toEqual([
      'foreign',
      'claimed',
    ]);
    expect([await claimAs(2, `token/${first}`), await claimAs(2, certificate)]).toEqual([
      'foreign',
      'claimed',
    ]);
    expect([await claimAs(4, `token/${second}`), await claimAs(4, `token/${first}`)]).toEqual([
      'foreign',
      'renamed',
    ]);
    expect([await claimAs(5, `token/${second}`), await claimAs(5, `token/${first}`)]).toEqual([
      'foreign',
      'claimed',
    ]);
  });

  it('Presence is seeded again when it was wiped meanwhile', async () => {
    await start();
    await connect('gateway-1', 1);
    const wiped = createMemoryPresence();
    const seeded = vi.spyOn(presence, 'seed').mockImplementation((records) => wiped.seed(records));
    vi.spyOn(presence, 'isSeeded').mockImplementation(() => wiped.isSeeded());
    await vi.waitFor(() => expect(seeded).toHaveBeenCalled());
    const session = claimed((await wiped.claim('gateway-1', [{ agent: uidOf(1), now: 1 }]))[0]);
    expect(session.previous).toMatchObject({ sequenceNum: 5 });
  });

  it('agents that nobody holds are disconnected after a grace, those that came back are not', async () => {
    const first = await start();
    await connect('gateway-1', 1, 2);
    await first.stop();
    stops.length = 0;
    told.length = 0;
    presence = createMemoryPresence({ now: () => clock });
    await start({ lostAfterMs: 150 });
    await connect('gateway-1', 2);
    expect(await statuses()).toEqual(['connected', 'connected']);
    await vi.waitFor(async () => expect(await statuses()).toEqual(['disconnected', 'connected']));
    // Told after the commit.
    await vi.waitFor(() => expect(told.at(-1)).toEqual({ uid: uidOf(1), changes: ['disconnected'] }));
  });

  it('agents on plain HTTP have as long to come back as they may be silent', async () => {
    const first = await start();
    await connect('gateway-1', 1);
    await connectOver('http', 'gateway-1', 2, 3);
    await first.stop();
    stops.length = 0;
    presence = createMemoryPresence({ now: () => clock });
    await start({}, 2_500);
    await vi.waitFor(async () =>
      expect(await statuses()).toEqual(['disconnected', 'connected', 'connected']),
    );
    await connectOver('http', 'gateway-1', 3);
    await vi.waitFor(
      async () => expect(await statuses()).toEqual(['disconnected', 'disconnected', 'connected']),
      { timeout: 5_000 },
    );
  });
});

describe('agents that nobody holds any more', () => {
  const often = { lostAfterMs: 20, lostPageMs: 20, lostPassMs: 40, lostGraceMs: 400 };
  const silent = 1_000;

  it('are found without a restart: their gateway let go of them and was cut off before it said so', async () => {
    await start(often, silent);
    await settled(); // the look after the start is over
    await connect('gateway-1', 1, 2, 3);
    const [mark] = await presence.heldBy('gateway-1');
    await presence.release('gateway-1', [unchangedMark(mark!)]);
    await settled();
    expect(await statuses()).toEqual(['connected', 'connected', 'connected']);
    await vi.waitFor(
      async () => expect(await statuses()).toEqual(['disconnected', 'connected', 'connected']),
      {
        timeout: 5_000,
      },
    );
    await vi.waitFor(() => expect(told.at(-1)).toEqual({ uid: uidOf(1), changes: ['disconnected'] }));
    await settled();
    expect(await statuses()).toEqual(['disconnected', 'connected', 'connected']);
  });

  it('stay connected when they come back within the grace, or under a newer connection', async () => {
    await start(often, silent);
    await settled();
    await connect('gateway-1', 1, 2);
    for (const held of await presence.heldBy('gateway-1'))
      await presence.release('gateway-1', [unchangedMark(held)]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await connect('gateway-2', 1);
    await vi.waitFor(async () => expect(await statuses()).toEqual(['connected', 'disconnected']), {
      timeout: 5_000,
    });
  });

  it('on plain HTTP have as long as they may be silent', async () => {
    await start(often, silent);
    await new Promise((resolve) => setTimeout(resolve, silent + 200));
    await connect('gateway-1', 1);
    await connectOver('http', 'gateway-1', 2);
    for (const held of await presence.heldBy('gateway-1'))
      await presence.release('gateway-1', [unchangedMark(held)]);
    await vi.waitFor(async () => expect(await statuses()).toEqual(['disconnected', 'connected']), {
      timeout: 5_000,
    });
    await vi.waitFor(async () => expect(await statuses()).toEqual(['disconnected', 'disconnected']), {
      timeout: 5_000,
    });
  });
});

it('answers for enrollment tokens while it runs', async () => {
  const inventory = await start();
  const question = { secretHash: '00'.repeat(32) };
  expect(await bus.request('access.verify-token', question)).toMatchObject({ accepted: false });
  await inventory.stop();
  stops.length = 0;
  await expect(bus.request('access.verify-token', question, { timeoutMs: 50 })).rejects.toThrow();
});

it('does not wait for its clocks when it stops', async () => {
  const inventory = await start({ sweepMs: 60_000, lostAfterMs: 60_000 });
  stops.length = 0;
  const began = Date.now();
  await inventory.stop();
  expect(Date.now() - began).toBeLessThan(5000);
});

describe('agents that left long ago', () => {
  const leftDaysAgo = (agent: number, days: number, connected = false) =>
    sql`
      update agent_states set connected = ${connected}, last_seen_at = now() - make_interval(days => ${days}),
        disconnected_at = now() - make_interval(days => ${days}) where uid = ${uidOf(agent)}`.execute(
      database.db,
    );

  it('are forgotten with what is kept of them, and told of; those of lately and those that are here stay', async () => {
    const { db } = database;
    await sql`truncate audit_events, config_failures`.execute(db);
    const first = await start();
    await connect('gateway-1', 1, 2, 3, 4);
    await first.stop();
    await presence.forget([uidOf(1), uidOf(2)]);
    await leftDaysAgo(1, 91);
    await leftDaysAgo(2, 89);
    await leftDaysAgo(3, 91, true);
    // A gateway took it in a moment ago.
    await leftDaysAgo(4, 91);
    for (const [agent, days] of [
      [1, 91],
      [2, 91],
      [9, 91],
      [9, 1],
    ] as const) {
      await sql`
        insert into config_failures (uid, hash, error, failed_at)
        values (${uidOf(agent)}, ${Buffer.from([days])}, '', now() - make_interval(days => ${days}))`.execute(
        db,
      );
    }
    told = [];
    await start();
    await vi.waitFor(() => expect(told).toContainEqual({ uid: uidOf(1), changes: ['deleted'] }));
    await vi.waitFor(async () => {
      const failures = await db.selectFrom('config_failures').select(['uid', 'hash']).execute();
      expect(failures.map(({ uid, hash }) => `${uid} ${hash[0]}`).toSorted()).toEqual([
        `${uidOf(2)} 91`,
        `${uidOf(9)} 1`,
      ]);
    });
    const agents = await db.selectFrom('agents').select('uid').orderBy('uid').execute();
    expect(agents.map(({ uid }) => uid)).toEqual([uidOf(2), uidOf(3), uidOf(4)]);
    await vi.waitFor(async () => {
      const { items } = await new Audit(db).page({ limit: 10 });
      expect(items.find(({ action }) => action === 'agents.forget')).toMatchObject({
        actor: 'system',
        detail: { agents: 1, disconnectedDays: 90 },
      });
    });
  });
});
