import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createTestDatabase, type TestDatabase } from '@muster/db/test-database.postgres';
import { createMemoryEventBus } from '@muster/messages/event-bus.memory';
import { WorkerPool } from '@muster/platform/worker-pool';
import { silentLog } from '@muster/platform/log';
import type { AgentToServerFields } from '@muster/opamp/opamp';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgentId } from './agent-id.ts';
import { AgentViews } from './agent-views.postgres.ts';
import { createMemoryPresence } from './presence.memory.ts';
import { foldReports } from './report-folding.ts';
import { ReportContents } from './report-contents.postgres.ts';
import { ReportReader } from './report-reader.ts';
import { ReportStore } from './report-store.postgres.ts';
import type * as work from './reports.worker.ts';
import { testReport } from './test-report.setup.ts';
import { wireReports } from './wire.ts';

const hostile = '0190a0b0-0000-7000-8000-000000000001' as AgentId;
const other = '0190a0b0-0000-7000-8000-000000000002' as AgentId;
const mostMs = 250;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const config = (body: string): AgentToServerFields => ({
  effectiveConfig: { configMap: { configMap: { '': { body: Buffer.from(body), contentType: '' } } } },
});
const whole = (fragment: string, bytes: number) => fragment.repeat(Math.ceil(bytes / fragment.length));

describe('nobody waits for what one agent sends:', () => {
  const texts: [string, AgentToServerFields][] = [
    ...[
      '#pwd:\n',
      'pwd: ab1\n',
      '!!str ',
      '{pwd: a #',
      '"\\x70wd": ',
      '&a x pwd: *a ',
      'https://u:p4@h ',
    ].map((fragment): [string, AgentToServerFields] => [
      JSON.stringify(fragment),
      config(whole(fragment, 4 * 1024 * 1024)),
    ]),
    ['a scalar of 16 MB', config(`{pwd: ${'a'.repeat(16_000_000)}}`)],
    [
      'health',
      { health: { lastError: whole('pwd: ab1\n', 256 * 1024), status: whole('token="a" ', 256 * 1024) } },
    ],
    [
      'attributes',
      {
        agentDescription: {
          nonIdentifyingAttributes: Array.from({ length: 5_000 }, (_, index) => ({
            key: `token${index}`,
            value: { stringValue: whole('pwd: a1\n', 40) },
          })),
        },
      },
    ],
  ];

  it.each(texts)('%s', { timeout: 60_000 }, async (_what, say) => {
    const bus = createMemoryEventBus();
    const deps = {
      db: database.db,
      presence: createMemoryPresence(),
      bus,
      httpSilenceMs: 1_000,
      log: silentLog,
    };
    const { intake } = wireReports(deps);
    const delay = monitorEventLoopDelay({ resolution: 5 });
    const reports = [
      testReport(hostile, { say, connected: true }),
      testReport(other, { say: config('a: b'), connected: true }),
    ];
    delay.enable();
    await intake.take([{ gateway: 'gateway-1', reports }]);
    delay.disable();
    await bus.close();
    expect(delay.max / 1e6).toBeLessThan(mostMs);
    const { rows } = await sql`select from agents where uid = ${other}`.execute(database.db);
    expect(rows).toHaveLength(1);
  });
});

it(
  'what cannot be searched in time is withheld, said so, and searched when it comes again',
  { timeout: 60_000 },
  async () => {
    const pool = new WorkerPool<typeof work>('reports', import.meta.url, { ms: 1 });
    const hurried = new ReportReader(pool);
    const body = whole('password: hunter2x\n', 64 * 1024);
    const say = { ...config(body), health: { healthy: true, lastError: body } };
    const frames = [
      { gateway: 'gateway-1', reports: [testReport(hostile, { say, connected: true, epoch: 99 })] },
    ];
    const { agents, notes } = await foldReports(frames, hurried);
    expect(notes).toEqual([
      {
        agent: hostile,
        problem: expect.stringMatching(/^health: not searched for credentials: it takes more than/) as string,
      },
    ]);
    await new ReportContents(database.db, { reader: hurried }).store(agents);
    await new ReportStore(database.db, silentLog).write(
      agents.map((agent) => ({
        ...agent,
        effectiveConfig: agent.effectiveConfig && {
          ...agent.effectiveConfig,
          value: { ...agent.effectiveConfig.value, body: null },
        },
      })),
    );
    const views = new AgentViews(database.db);
    const withheld = (await views.find(hostile))!;
    expect(withheld.effectiveConfig).toBeNull();
    expect(withheld.withheld['effectiveConfig']).toMatch(/^not searched for credentials: it takes more than/);

    await new ReportStore(database.db, silentLog).write((await foldReports(frames)).agents);
    const shown = (await views.find(hostile))!;
    expect(shown.withheld).toEqual({});
    expect(shown.effectiveConfig![''] ?? '').toContain('[REDACTED:password]');
    expect(shown.findings).toHaveLength(1_000);
    expect(shown.findingsOmitted).toBeGreaterThan(1_000);
  },
);
