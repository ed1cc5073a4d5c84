import { randomUUID } from 'node:crypto';
import type { Database } from '@muster/db/schema';
import { createTestDatabase, type TestDatabase } from '@muster/db/test-database.postgres';
import type { Report } from '@muster/messages/report-frame';
import { configStatus, type AgentToServerFields } from '@muster/opamp/opamp';
import { silentLog } from '@muster/platform/log';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { agentIdFromBytes, agentIdToBytes, type AgentId } from './agent-id.ts';
import type { FoldedAgent } from './folded-agent.ts';
import { foldReports } from './report-folding.ts';
import { ReportStore } from './report-store.postgres.ts';
import { testReport, type TestReport } from './test-report.setup.ts';

let database: TestDatabase;
let db: Kysely<Database>;
let store: ReportStore;
const statements: string[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  db = new Kysely<Database>({
    dialect: new PostgresDialect({ pool: new Pool({ connectionString: database.url, max: 8 }) }),
    log: (event) => void statements.push(event.query.sql),
  });
  store = new ReportStore(db, silentLog);
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});
beforeEach(async () => {
  await sql`truncate agents, agent_states, report_contents, config_failures, enrollment_tokens cascade`.execute(
    db,
  );
});

function uidOf(number: number): AgentId {
  return `0190a0b0-0000-7000-8000-${number.toString(16).padStart(12, '0')}` as AgentId;
}

const report = (agent: number, fields: TestReport) => testReport(uidOf(agent), fields);

async function write(...reports: Report[]) {
  return store.write((await foldReports([{ gateway: 'gateway-1', reports }])).agents);
}

const state = (agent: number) =>
  db.selectFrom('agent_states').selectAll().where('uid', '=', uidOf(agent)).executeTakeFirstOrThrow();
const identity = (agent: number) =>
  db.selectFrom('agents').selectAll().where('uid', '=', uidOf(agent)).executeTakeFirstOrThrow();
const status = (hash: string, state: number, errorMessage = ''): AgentToServerFields => ({
  remoteConfigStatus: { lastRemoteConfigHash: Buffer.from(hash), status: state, errorMessage },
});
const described = (name: string): AgentToServerFields => ({
  agentDescription: { identifyingAttributes: [{ key: 'service.name', value: { stringValue: name } }] },
});

/** A repeatable source of numbers in [0, n). */
function randomFrom(seed: number): (n: number) => number {
  let x = seed;
  return (n) => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return Math.floor((x / 2 ** 32) * n);
  };
}

describe('order and repetition', () => {
  const parts: ((n: number) => AgentToServerFields)[] = [
    (n) => described(`service-${n}`),
    (n) => ({ capabilities: n + 1 }),
    (n) => ({ health: { healthy: n % 2 === 0, lastError: `error ${n}` } }),
    (n) => ({
      effectiveConfig: { configMap: { configMap: { '': { body: Buffer.from(`config ${n % 5}`) } } } },
    }),
    (n) => ({ availableComponents: { hash: Buffer.from([n % 3]) } }),
    (n) => ({ packageStatuses: { errorMessage: String(n) } }),
    (n) => ({ customCapabilities: { capabilities: [`a "${n}"`, String.raw`b\{`] } }),
    (n) => ({ connectionSettingsStatus: { status: n % 4 } }),
    (n) => status(`hash-${n % 4}`, n % 4, `reason ${n}`),
  ];

  /** A life of connections, reports, offers and ends, in the order it was lived. */
  function life(agent: number, random: (n: number) => number): Report[] {
    const reports: Report[] = [];
    let receivedAt = 1_790_000_000_000;
    for (let epoch = 1; epoch <= 3; epoch++) {
      let sequenceNum = random(100);
      const add = (fields: Parameters<typeof report>[1]) =>
        reports.push(report(agent, { epoch, sequenceNum, receivedAt: (receivedAt += 7), ...fields }));
      add({ connected: true, say: Object.assign({}, ...parts.map((part) => part(random(50)))) });
      for (let i = random(6); i > 0; i--) {
        sequenceNum++;
        const said = parts.filter(() => random(3) === 0).map((part) => part(random(50)));
        add({ say: Object.assign({ sequenceNum }, ...said), remoteAddress: `192.0.2.1:${random(9)}` });
        if (random(4) === 0)
          add({ offeredConfigHash: Buffer.from(`hash-${random(4)}`), offerError: 'too large' });
      }
      if (random(2)) add({ disconnected: true });
    }
    return reports;
  }

  function shuffled<T>(items: readonly T[], random: (n: number) => number): T[] {
    const result = [...items];
    for (let i = result.length - 1; i > 0; i--) {
      const j = random(i + 1);
      [result[i], result[j]] = [result[j]!, result[i]!];
    }
    return result;
  }

  async function rows() {
    const withoutClock = async (table: 'agents' | 'agent_states' | 'report_contents' | 'config_failures') => {
      const found = await db.selectFrom(table).selectAll().execute();
      const texts = found.map((row) => {
        const {
          enrolled_at: _,
          first_seen_at: __,
          touched_at: ___,
          ...rest
        } = row as Record<string, unknown>;
        return JSON.stringify(rest);
      });
      return texts.sort();
    };
    return {
      agents: await withoutClock('agents'),
      states: await withoutClock('agent_states'),
      failures: await withoutClock('config_failures'),
    };
  }

  it('late, repeated and shuffled reports in batches of any size end in the rows of the true order', async () => {
    for (let seed = 1; seed <= 8; seed++) {
      const random = randomFrom(seed);
      const reports = [1, 2, 3].flatMap((agent) => life(agent, random));
      await sql`truncate agents, agent_states, report_contents, config_failures`.execute(db);
      for (const one of reports) await write(one);
      const expected = await rows();

      await sql`truncate agents, agent_states, report_contents, config_failures`.execute(db);
      // Known agents: an end or an offer makes no row of an unknown one.
      await write(...reports.filter(({ epoch, connected }) => epoch === 1 && connected));
      const repeated = shuffled([...reports, ...reports.filter(() => random(3) === 0)], random);
      for (let at = 0; at < repeated.length;) {
        const size = 1 + random(9);
        await write(...repeated.slice(at, at + size));
        at += size;
      }
      expect(await rows(), `seed ${seed}`).toEqual(expected);
    }
  });

  it('writers at once do not block each other for good', async () => {
    const random = randomFrom(99);
    const batches = Array.from({ length: 40 }, () =>
      shuffled(
        Array.from({ length: 50 }, (_, agent) => agent),
        random,
      ).flatMap((agent) => life(agent, random).slice(0, 2)),
    );
    await Promise.all(batches.map((batch) => write(...batch)));
    expect(await db.selectFrom('agents').selectAll().execute()).toHaveLength(50);
  });
});

describe('ReportStore', () => {
  it('writes a batch of 1,000 agents in one statement', async () => {
    const reports = Array.from({ length: 1000 }, (_, agent) =>
      report(agent, {
        connected: true,
        say: { ...described('otelcol'), ...status('x', configStatus.applied) },
      }),
    );
    statements.length = 0;
    const changed = await write(...reports);
    expect(statements).toHaveLength(1);
    expect(changed).toHaveLength(1000);
    expect(changed[0]).toEqual({
      uid: uidOf(0),
      changes: ['enrolled', 'connected', 'description', 'configStatus'],
    });
    expect(await write(...reports.map((each) => ({ ...each, sequenceNum: 2 })))).toHaveLength(1000);
    expect(statements).toHaveLength(2);
  });

  it('says for a repeated report what it changed, except that the agent enrolled', async () => {
    const first = report(1, { connected: true, say: { health: { healthy: true } } });
    await write(first);
    expect(await write(first)).toEqual([{ uid: uidOf(1), changes: ['connected', 'health'] }]);
  });

  it('gives a new agent the labels of its enrollment token, once', async () => {
    const token = randomUUID();
    await db
      .insertInto('enrollment_tokens')
      .values({
        id: token,
        name: 'default',
        secret_hash: Buffer.from('x'),
        labels: JSON.stringify({ env: 'prod' }),
        created_by: 'system',
      })
      .execute();
    await write(report(1, { connected: true, enrollmentTokenId: token, say: described('a') }));
    expect(await identity(1)).toMatchObject({
      labels: { env: 'prod' },
      matching: { env: 'prod', 'service.name': 'a' },
      enrollment_token_id: token,
    });
    await db.updateTable('agents').set({ labels: '{"env":"test"}' }).execute();
    await write(report(1, { epoch: 11, connected: true, enrollmentTokenId: token, say: described('b') }));
    expect(await identity(1)).toMatchObject({ labels: { env: 'test' }, name: 'b' });
    expect((await state(1)).enrollment_token_id).toBe(token);
  });

  it('keeps what a report leaves out', async () => {
    await write(
      report(1, { connected: true, say: { ...described('a'), capabilities: 7, health: { healthy: true } } }),
    );
    await write(report(1, { sequenceNum: 2, say: { health: { healthy: false, lastError: 'x' } } }));
    expect(await state(1)).toMatchObject({ capabilities: '7', healthy: false, connected: true });
    expect((await identity(1)).name).toBe('a');
  });

  it('shows an agent that has not described itself by its uid', async () => {
    await write(report(1, { connected: true }));
    expect((await identity(1)).name).toBe(uidOf(1));
  });

  it('keeps the failure of a configuration when another was applied in the same batch', async () => {
    await write(
      report(1, { sequenceNum: 2, say: status('bad', configStatus.failed, 'no such exporter') }),
      report(1, { sequenceNum: 3, say: status('good', configStatus.applied) }),
    );
    const failures = await db.selectFrom('config_failures').selectAll().execute();
    expect(failures).toMatchObject([{ uid: uidOf(1), hash: Buffer.from('bad'), error: 'no such exporter' }]);
    expect(await state(1)).toMatchObject({
      applied_config_hash: Buffer.from('good'),
      remote_config_hash: Buffer.from('good'),
      remote_config_status: 1,
    });
  });

  it('takes the lift of a failure back only for a later failure', async () => {
    const failed = (sequenceNum: number, receivedAt: number, error: string) =>
      write(report(1, { sequenceNum, receivedAt, say: status('bad', configStatus.failed, error) }));
    const failure = () => db.selectFrom('config_failures').selectAll().executeTakeFirstOrThrow();
    await failed(1, 1000, 'first');
    await db
      .updateTable('config_failures')
      .set({ lifted_at: new Date(2000) })
      .execute();
    await failed(1, 1000, 'first');
    expect((await failure()).lifted_at).toEqual(new Date(2000));
    await failed(2, 3000, 'second');
    expect(await failure()).toMatchObject({ lifted_at: null, error: 'second', failed_at: new Date(3000) });
  });

  it('stores what many agents report alike once', async () => {
    const say: AgentToServerFields = { availableComponents: { hash: Buffer.from('h') } };
    await write(report(1, { say }), report(2, { say }));
    await write(report(3, { say }));
    expect(await db.selectFrom('report_contents').select('hash').execute()).toHaveLength(1);
    expect((await state(3)).available_components_hash).toEqual((await state(1)).available_components_hash);
  });

  it('keeps the last known connection when a silent resume is followed by a report', async () => {
    await write(report(1, { connected: true, receivedAt: 1000 }));
    await write(
      report(1, { epoch: 12, sequenceNum: 9, receivedAt: 5000, transport: 'http', say: { capabilities: 1 } }),
    );
    expect(await state(1)).toMatchObject({
      connected: true,
      transport: 1,
      epoch: '12',
      connected_at: new Date(1000),
      last_seen_at: new Date(5000),
    });
  });

  it('makes no agent of the end of one that was deleted', async () => {
    await write(report(1, { disconnected: true }), report(1, { offeredConfigHash: Buffer.from('x') }));
    expect(await db.selectFrom('agents').selectAll().execute()).toEqual([]);
    expect(await db.selectFrom('agent_states').selectAll().execute()).toEqual([]);
  });

  it('survives every report that an agent can make', async () => {
    const nul = 'a\0b\\"{}\u{1F600}';
    await write(
      report(1, {
        say: {
          ...described(nul),
          health: { healthy: false, lastError: nul, status: nul },
          customCapabilities: { capabilities: [nul, '', 'NULL', 'null', '{'] },
          remoteConfigStatus: {
            lastRemoteConfigHash: Buffer.alloc(10_000, 1),
            status: 2_000_000_000 as never,
            errorMessage: nul,
          },
        },
        sequenceNum: Number.MAX_SAFE_INTEGER,
      }),
      report(2, { say: status('x'.repeat(10_000), configStatus.failed, nul) }),
    );
    const text = 'ab\\"{}\u{1F600}';
    expect((await identity(1)).type).toBe(text);
    expect(await state(1)).toMatchObject({
      custom_capabilities: [text, '', 'NULL', 'null', '{'],
      remote_config_status: 2_000_000_000 as never,
      remote_config_error: text,
      sequence_num: String(Number.MAX_SAFE_INTEGER),
    });
    expect((await state(2)).remote_config_error).toBe(text);
  });

  it('leaves out one agent that the database refuses, and writes the others', async () => {
    const poisoned = (agent: FoldedAgent): FoldedAgent => ({
      ...agent,
      connectionSettingsStatus: { value: '{"a":"\\u0000"}', order: [10, 1] },
    });
    const { agents } = await foldReports([
      {
        gateway: 'g',
        reports: [1, 2, 3].map((agent) => report(agent, { connected: true, say: described('a') })),
      },
    ]);
    const changed = await store.write(
      agents.map((agent) => (agent.uid === uidOf(2) ? poisoned(agent) : agent)),
    );
    expect(changed.map(({ uid }) => uid)).toEqual([uidOf(1), uidOf(3)]);
    expect(await db.selectFrom('agents').select('uid').orderBy('uid').execute()).toEqual([
      { uid: uidOf(1) },
      { uid: uidOf(3) },
    ]);
  });

  it('rejects when the database cannot be asked, so that the batch comes again', async () => {
    const gone = new Kysely<Database>({
      dialect: new PostgresDialect({ pool: new Pool({ connectionString: 'postgresql://127.0.0.1:1/x' }) }),
    });
    const { agents } = await foldReports([{ gateway: 'g', reports: [report(1, { connected: true })] }]);
    await expect(new ReportStore(gone, silentLog).write(agents)).rejects.toThrow(/ECONNREFUSED/);
    await gone.destroy();
  });

  it('splits contents that are too much for one statement', async () => {
    const body = Buffer.alloc(12 * 1024 * 1024, 'x');
    const reports = [1, 2, 3].map((agent) =>
      report(agent, {
        say: { effectiveConfig: { configMap: { configMap: { [`${agent}`]: { body } } } } },
      }),
    );
    statements.length = 0;
    await write(...reports);
    expect(statements.filter((text) => text.includes('report_contents'))).toHaveLength(2);
    expect(await db.selectFrom('agents').select('uid').execute()).toHaveLength(3);
  });
});

it('reads uids as it writes them', () => {
  expect(agentIdFromBytes(agentIdToBytes(uidOf(5)))).toBe(uidOf(5));
});
