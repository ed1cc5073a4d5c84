import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@muster/db/test-database.postgres';
import type { Report } from '@muster/messages/report-frame';
import { AgentToServer, configStatus, type AgentToServerFields } from '@muster/opamp/opamp';
import { silentLog } from '@muster/platform/log';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AgentViews } from './agent-views.postgres.ts';
import type { AgentId } from './agent-id.ts';
import { InvalidCursor } from './errors.ts';
import { foldReports } from './report-folding.ts';
import { ReportStore } from './report-store.postgres.ts';
import { parseSelector } from './selector.ts';
import { testReport, type TestReport } from './test-report.setup.ts';

let database: TestDatabase;
let views: AgentViews;
const token = randomUUID();

const uidOf = (number: number) =>
  `0190a0b0-0000-7000-8000-${number.toString(16).padStart(12, '0')}` as AgentId;
const numberOf = (uid: string) => Number.parseInt(uid.slice(-12), 16);
const attribute = (key: string, value: string) => ({ key, value: { stringValue: value } });

const report = (agent: number, fields: TestReport) =>
  testReport(uidOf(agent), { enrollmentTokenId: token, ...fields });

function described(agent: number): AgentToServerFields {
  return {
    capabilities: 0x0807,
    health: { healthy: agent % 5 !== 0, lastError: agent % 5 === 0 ? 'boom' : '' },
    agentDescription: {
      identifyingAttributes: [
        attribute('service.name', 'otelcol'),
        attribute('service.version', agent % 2 ? '0.149.0' : '0.148.0'),
      ],
      nonIdentifyingAttributes: [
        attribute('host.name', `web-${agent}`),
        attribute('shard', String(agent % 3)),
      ],
    },
  };
}

async function write(...reports: Report[]) {
  return new ReportStore(database.db, silentLog).write(
    (await foldReports([{ gateway: 'gateway-1', reports }])).agents,
  );
}

beforeAll(async () => {
  database = await createTestDatabase();
  views = new AgentViews(database.db);
  await database.db
    .insertInto('enrollment_tokens')
    .values({ id: token, name: 'default', secret_hash: Buffer.from('x'), labels: '{}', created_by: 'system' })
    .execute();
  const agents = Array.from({ length: 20 }, (_, index) => index + 1);
  await write(...agents.map((agent) => report(agent, { connected: true, say: described(agent) })));
  await write(...[19, 20].map((agent) => report(agent, { disconnected: true })));
  await database.db
    .insertInto('fleet_members')
    .values([3, 4].map((agent) => ({ uid: uidOf(agent), fleet: 'edge' })))
    .execute();
});
afterAll(() => database.drop());

describe('page', () => {
  it('goes through all agents by uid, each once, whatever the size of the page', async () => {
    for (const limit of [1, 7, 20, 50]) {
      const seen: number[] = [];
      let after: string | undefined;
      let pages = 0;
      do {
        pages++;
        const page = await views.page(after === undefined ? { limit } : { limit, after });
        expect(page.items.length).toBeLessThanOrEqual(limit);
        seen.push(...page.items.map(({ uid }) => numberOf(uid)));
        after = page.next ?? undefined;
      } while (after !== undefined);
      expect(pages).toBe(Math.ceil(20 / limit));
      expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    }
  });

  it.each(['', 'x', 'a'.repeat(22), '!!!', uidOf(1), '../../etc'])('refuses the cursor %j', async (after) => {
    await expect(views.page({ limit: 5, after })).rejects.toThrow(InvalidCursor);
  });

  it.each([
    ['selector', { selector: parseSelector('shard=1,service.version!=0.148.0') }, [1, 7, 13, 19]],
    [
      'status connected',
      { status: 'connected' as const, search: 'web-1' },
      [1, 10, 11, 12, 13, 14, 15, 16, 17, 18],
    ],
    ['status disconnected', { status: 'disconnected' as const }, [19, 20]],
    ['fleet', { fleet: 'edge' }, [3, 4]],
    ['fleet nobody is in', { fleet: 'none' }, []],
    ['search by host name, any case', { search: 'WEB-20' }, [20]],
    ['search by uid', { search: '-00000000000b' }, [11]],
    ['search by version', { search: '0.149', selector: parseSelector('shard=0') }, [3, 9, 15]],
    ['search by type', { search: 'otelcol', fleet: 'edge' }, [3, 4]],
    ['search for a wildcard', { search: 'web%' }, []],
    ['search for a backslash', { search: '\\' }, []],
    ['search for NUL', { search: '\0' }, []],
    ['search for half a character', { search: '\ud800' }, []],
  ])('filters by %s, and counts the same', async (_, filter, expected) => {
    const { items } = await views.page({ limit: 50, ...filter });
    expect(items.map(({ uid }) => numberOf(uid))).toEqual(expected);
    expect(await views.count(filter, 1000)).toBe(expected.length);
  });

  it('stops counting at the cap', async () => {
    expect(await views.count({}, 5)).toBe(5);
  });

  it('shows a summary', async () => {
    const { items } = await views.page({ limit: 1 });
    expect(items[0]).toEqual({
      uid: uidOf(1),
      name: 'web-1',
      status: 'connected',
      healthy: true,
      type: 'otelcol',
      version: '0.149.0',
      os: '',
      arch: '',
      hostname: 'web-1',
      labels: {},
      attributes: {
        'service.name': 'otelcol',
        'service.version': '0.149.0',
        'host.name': 'web-1',
        shard: '1',
      },
      capabilities: ['ReportsStatus', 'AcceptsRemoteConfig', 'ReportsEffectiveConfig', 'ReportsHealth'],
      transport: 'websocket',
      fleet: null,
      enrolledAt: expect.any(Date),
      connectedAt: new Date(1_790_000_000_000),
      lastSeenAt: new Date(1_790_000_000_000),
    });
  });
});

describe('many', () => {
  it('answers in the order asked and leaves out who is unknown', async () => {
    const found = await views.many([uidOf(5), uidOf(999), uidOf(2)]);
    expect(found.map(({ uid }) => numberOf(uid))).toEqual([5, 2]);
    expect(await views.many([])).toEqual([]);
  });
});

describe('what Presence knows better', () => {
  const livePresence = { lastSeen: async () => new Map(), locate: async () => new Map() };

  it('is the gateway that holds the agent now', async () => {
    const locate = async () => new Map([[uidOf(1), 'gateway-2']]);
    const moved = new AgentViews(database.db, { ...livePresence, locate });
    expect((await moved.find(uidOf(1)))!.connection.gateway).toBe('gateway-2');
    const gone = new AgentViews(database.db, livePresence);
    expect((await gone.find(uidOf(1)))!.connection.gateway).toBe('gateway-1');
  });

  it('is when a heartbeat came, if Presence knows of a later one', async () => {
    const heard = new Map([
      [uidOf(1), 1_790_000_060_000],
      [uidOf(2), 5],
    ]);
    const live = new AgentViews(database.db, { ...livePresence, lastSeen: async () => heard });
    const found = await live.many([uidOf(1), uidOf(2), uidOf(3)]);
    expect(found.map(({ lastSeenAt }) => lastSeenAt.getTime())).toEqual([
      1_790_000_060_000, 1_790_000_000_000, 1_790_000_000_000,
    ]);
  });

  it('is what was last reported while Presence cannot be asked', async () => {
    const live = new AgentViews(database.db, {
      lastSeen: () => Promise.reject(new Error('down')),
      locate: () => Promise.reject(new Error('down')),
    });
    expect((await live.many([uidOf(1)]))[0]!.lastSeenAt).toEqual(new Date(1_790_000_000_000));
    expect(await live.find(uidOf(1))).toMatchObject({ uid: uidOf(1) });
  });
});

describe('find', () => {
  it('shows everything an agent reported', async () => {
    const startTimeUnixNano = 1_790_000_000;
    await write(
      report(50, {
        connected: true,
        transport: 'http',
        say: {
          agentDescription: {
            identifyingAttributes: [attribute('service.name', 'otelcol')],
            nonIdentifyingAttributes: [
              { key: 'cores', value: { intValue: 8 } },
              { key: 'id', value: { bytesValue: Buffer.from([1, 2]) } },
              { key: 'tags', value: { arrayValue: { values: [{ boolValue: true }] } } },
            ],
          },
          health: {
            healthy: true,
            startTimeUnixNano,
            componentHealthMap: { 'pipeline:traces': { healthy: false, lastError: 'völlig kaputt' } },
          },
          effectiveConfig: {
            configMap: {
              configMap: {
                '': { body: Buffer.from('receivers: {}\n') },
                bin: { body: Buffer.from([0xff, 0x00]) },
              },
            },
          },
          availableComponents: { hash: Buffer.from([0xab]), components: { receivers: {} } },
          packageStatuses: { packages: { top: { agentHasVersion: '1.0' } } },
          remoteConfigStatus: {
            lastRemoteConfigHash: Buffer.from([1, 255]),
            status: configStatus.failed,
            errorMessage: 'no',
          },
        },
      }),
    );
    expect(await views.find(uidOf(50))).toMatchObject({
      uid: uidOf(50),
      transport: 'http',
      identifyingAttributes: { 'service.name': 'otelcol' },
      nonIdentifyingAttributes: { cores: 8, id: 'AQI=', tags: [true] },
      attributes: { 'service.name': 'otelcol', cores: '8', tags: '[true]' },
      health: {
        healthy: true,
        startTimeUnixNano: '1790000000',
        components: { 'pipeline:traces': { healthy: false, lastError: 'völlig kaputt' } },
      },
      effectiveConfig: { '': 'receivers: {}\n', bin: 'data:application/octet-stream;base64,/wA=' },
      components: { hash: 'ab', components: { receivers: {} } },
      packages: { packages: { top: { agentHasVersion: '1.0' } } },
      remoteConfigStatus: { hash: '01ff', status: 'failed', error: 'no' },
      connection: {
        gateway: 'gateway-1',
        transport: 'http',
        remoteAddress: '192.0.2.1:5000',
        enrollmentToken: 'default',
      },
    });
  });

  it('shows what was never reported as null, and content that is malformed too', async () => {
    const malformed = AgentToServer.encode({ capabilities: 1 }).finish();
    const effectiveConfig = Buffer.from([0x32, 2, 0x0a, 0x7f]);
    await write(report(51, { connected: true, agentToServer: Buffer.concat([malformed, effectiveConfig]) }));
    expect(await views.find(uidOf(51))).toMatchObject({
      name: uidOf(51),
      healthy: null,
      health: null,
      identifyingAttributes: {},
      effectiveConfig: null,
      components: null,
      packages: null,
      remoteConfigStatus: null,
    });
  });

  it('answers null for an agent that is unknown', async () => {
    expect(await views.find(uidOf(999))).toBeNull();
  });
});

it('overview counts agents, and unhealthy ones among the connected', async () => {
  const other = await createTestDatabase();
  const store = new ReportStore(other.db, silentLog);
  const reports = [1, 2, 5, 10, 15].map((agent) => report(agent, { connected: true, say: described(agent) }));
  await store.write((await foldReports([{ gateway: 'g', reports }])).agents);
  await store.write(
    (await foldReports([{ gateway: 'g', reports: [report(15, { disconnected: true })] }])).agents,
  );
  expect(await new AgentViews(other.db).overview()).toEqual({
    agents: 5,
    connected: 4,
    disconnected: 1,
    unhealthy: 2,
    withCredentials: 0,
    versions: [
      { name: '0.149.0', count: 3 },
      { name: '0.148.0', count: 2 },
    ],
  });
  await other.drop();
});
