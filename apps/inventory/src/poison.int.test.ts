import { randomUUID } from 'node:crypto';
import { agentIdToBytes, type AgentId } from '@muster/agents/agent-id';
import { createMemoryPresence } from '@muster/agents/presence.memory';
import { testReport, type TestReport } from '@muster/agents/test-report.setup';
import { createTestDatabase, type TestDatabase } from '@muster/db/test-database.postgres';
import { connectNats } from '@muster/messages/connection.nats';
import { createMemoryEventBus } from '@muster/messages/event-bus.memory';
import { createNatsEventBus } from '@muster/messages/event-bus.nats';
import type { EventBus } from '@muster/messages/event-bus';
import { silentLog } from '@muster/platform/log';
import { startLocalNats } from '@muster/platform/local-services';
import { useTestService } from '@muster/platform/test-service.setup';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startInventory } from './start.ts';

const nats = useTestService((options) => startLocalNats({ ...options, maxPayload: '1MB' }));
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const config = (body: string) => ({
  effectiveConfig: { configMap: { configMap: { '': { body: Buffer.from(body) } } } },
});
const described = (name: string, more: object[] = []) => ({
  agentDescription: {
    identifyingAttributes: [{ key: 'service.name', value: { stringValue: name } }, ...more],
    nonIdentifyingAttributes: [],
  },
});

const buses: { name: string; open: () => Promise<EventBus> }[] = [
  { name: 'one process', open: async () => createMemoryEventBus({ retryPauseMs: 10 }) },
  {
    name: 'NATS',
    open: async () =>
      createNatsEventBus(await connectNats({ url: nats.url, name: 'test' }), { retryPauseMs: 10 }),
  },
];

describe.each(buses)('reports that cannot be processed, over the bus of $name', ({ open }) => {
  let bus: EventBus;
  let stop: () => Promise<void>;

  beforeEach(async () => {
    await sql`truncate agents, agent_states, report_contents, effective_config_findings, config_failures`.execute(
      database.db,
    );
    bus = await open();
    for (const { id } of (await bus.deadLetters.page({ limit: 500 })).items) await bus.deadLetters.remove(id);
    const inventory = await startInventory({
      db: database.db,
      bus,
      presence: createMemoryPresence(),
      httpSilenceMs: 90_000,
      retention: { forgetAgentsAfterDays: 90, keepAuditDays: 400 },
      log: silentLog,
    });
    stop = () => inventory.stop();
  });
  afterEach(async () => {
    await sql`
      drop trigger if exists poison on report_contents;
      drop trigger if exists poison on config_failures;
      drop trigger if exists poison on effective_config_findings;
      drop trigger if exists poison on agents;
      drop trigger if exists poison on agent_states;
      drop trigger if exists poison on audit_events;
      drop function if exists refuse_poison`.execute(database.db);
    await stop();
    await bus.close();
  });

  const publish = (reports: [AgentId, TestReport][]) =>
    bus.publish('reports', {
      gateway: 'gateway-1',
      reports: reports.map(([agent, fields]) =>
        testReport(agent, { receivedAt: Date.now(), connected: true, ...fields }),
      ),
    });
  const newAgents = (count: number) => Array.from({ length: count }, () => randomUUID() as AgentId);
  const stored = async () =>
    (await database.db.selectFrom('agent_states').select('uid').execute())
      .map(({ uid }) => uid as AgentId)
      .toSorted();
  const letters = async () => (await bus.deadLetters.page({ limit: 100 })).items;
  const soon = { timeout: 20_000, interval: 50 };

  /** Makes PostgreSQL refuse rows as it refuses a value of its own accord: with this SQLSTATE. */
  async function refuse(table: string, when: string, sqlState = '22P05'): Promise<void> {
    await sql
      .raw(
        `create function refuse_poison() returns trigger language plpgsql as $$
         begin
           if ${when} then raise exception 'refused: secret hunter2' using errcode = '${sqlState}'; end if;
           return new;
         end $$;
         create trigger poison before insert or update on ${table} for each row execute function refuse_poison()`,
      )
      .execute(database.db);
  }

  it.each([
    [
      'a content',
      'report_contents',
      `position('poison' in encode(new.body, 'escape')) > 0`,
      config('poison: true'),
    ],
    [
      'findings',
      'effective_config_findings',
      `true`,
      config('exporters:\n  otlp:\n    headers:\n      api_key: a1b2c3d4e5f6a7b8c9d0\n'),
    ],
    [
      'a failure',
      'config_failures',
      `new.error = 'poison'`,
      {
        remoteConfigStatus: { lastRemoteConfigHash: Buffer.alloc(32, 1), status: 3, errorMessage: 'poison' },
      },
    ],
    ['a description', 'agents', `new.name = 'poison'`, described('poison')],
    ['a state', 'agent_states', 'new.capabilities = 666', { capabilities: 666 }],
  ])('sets aside %s that PostgreSQL refuses, and stores all others', async (_, table, when, say) => {
    await refuse(table, when);
    const agents = newAgents(12);
    const [bad] = agents.splice(5, 1) as [AgentId];
    const harmless = { capabilities: 7, ...config('receivers: {}') };
    const all = [...agents.slice(0, 5), bad, ...agents.slice(5)];
    await publish(all.map((agent) => [agent, { say: agent === bad ? say : harmless }]));
    await expect.poll(stored, soon).toEqual(agents.toSorted());
    await expect.poll(letters, soon).toMatchObject([{ subject: 'reports', group: 'inventory', agent: bad }]);
    expect(JSON.stringify(await letters())).not.toContain('hunter2');
    // Others go on, the same agent with something else too.
    await publish([[bad, { sequenceNum: 2, say: { capabilities: 7 } }]]);
    await expect.poll(stored, soon).toEqual(all.toSorted());
    await expect.poll(async () => (await bus.reportBacklog()).oldestAt, soon).toBeNull();
  });

  it('waits for PostgreSQL that refuses everybody, and sets nothing aside', async () => {
    await refuse('agent_states', 'true', '53300');
    const agents = newAgents(3);
    const published = publish(agents.map((agent) => [agent, { say: { capabilities: 7 } }]));
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(await stored()).toEqual([]);
    await sql`drop trigger poison on agent_states`.execute(database.db);
    await published;
    await expect.poll(stored, soon).toEqual(agents.toSorted());
    expect(await letters()).toEqual([]);
  });

  it('stores what comes back from the dead letters when it can', async () => {
    await refuse('agents', `new.name = 'poison'`);
    const [agent] = newAgents(1) as [AgentId];
    await publish([[agent, { say: described('poison') }]]);
    await expect.poll(async () => (await letters()).length, soon).toBe(1);
    await sql`drop trigger poison on agents`.execute(database.db);
    const [letter] = await letters();
    await bus.replay(letter!, (await bus.deadLetters.payloadOf(letter!.id))!);
    await expect.poll(stored, soon).toEqual([agent]);
  });

  it(
    'takes what is as large and as deep as it may be, whatever comes of it',
    { timeout: 120_000 },
    async () => {
      const [large, many, deep, harmless] = newAgents(4) as [AgentId, AgentId, AgentId, AgentId];
      const nested = (levels: number): object => {
        let value: object = { stringValue: 'x' };
        for (let level = 0; level < levels; level += 1) value = { arrayValue: { values: [value] } };
        return value;
      };
      await Promise.all([
        publish([[large, { say: config(`{pwd: ${'a'.repeat(2 * 2 ** 20)}}`) }]]),
        publish([
          [
            many,
            { say: described('many', [{ key: 'pwd', value: { stringValue: 'pwd: ab1 '.repeat(3_000) } }]) },
          ],
        ]),
        publish([[deep, { say: described('deep', [{ key: 'deep', value: nested(30) }]) }]]),
        publish([[randomUUID() as AgentId, { instanceUid: agentIdToBytes(harmless).subarray(0, 3) }]]),
        publish([
          [randomUUID() as AgentId, { epoch: Number.MAX_SAFE_INTEGER, sequenceNum: Number.MAX_SAFE_INTEGER }],
        ]),
        publish([[randomUUID() as AgentId, { enrollmentTokenId: 'no uuid', say: { capabilities: 1 } }]]),
      ]);
      await publish([[harmless, { say: { capabilities: 7 } }]]);
      await expect.poll(stored, { timeout: 90_000, interval: 100 }).toContain(harmless);
      await expect.poll(async () => (await bus.reportBacklog()).oldestAt, soon).toBeNull();
    },
  );

  it('notes in the audit log who was renamed, but for what cannot be noted', async () => {
    await refuse('audit_events', `new.detail::text like '%poison%'`);
    const uids = newAgents(5);
    for (const [at, uid] of uids.entries()) {
      const remoteAddress = at === 2 ? 'poison' : '192.0.2.1';
      const fact = {
        gateway: 'gateway-1',
        former: randomUUID(),
        uid,
        reason: 'requested' as const,
        remoteAddress,
      };
      await bus.publish('agents.reidentified', fact);
    }
    const noted = async () =>
      (await database.db.selectFrom('audit_events').select('resource').execute())
        .map(({ resource }) => resource)
        .filter((resource) => uids.some((uid) => resource.endsWith(uid)));
    await expect.poll(async () => (await noted()).length, soon).toBe(4);
    await expect.poll(letters, soon).toMatchObject([{ subject: 'agents.reidentified', agent: uids[2] }]);
  });
});
