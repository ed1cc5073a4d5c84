import type { Database } from '@muster/db/schema';
import { createTestDatabase, type TestDatabase } from '@muster/db/test-database.postgres';
import { configStatus, type AgentToServerFields } from '@muster/opamp/opamp';
import { silentLog } from '@muster/platform/log';
import { createHash } from 'node:crypto';
import { sql, type Kysely } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AgentId } from './agent-id.ts';
import { AgentViews } from './agent-views.postgres.ts';
import { foldReports } from './report-folding.ts';
import { ReportStore } from './report-store.postgres.ts';
import { testReport } from './test-report.setup.ts';

const leaky = '0190a0b0-0000-7000-8000-000000000001' as AgentId;
const clean = '0190a0b0-0000-7000-8000-000000000002' as AgentId;
const secret = 'hunter2-ähm-0815';

let database: TestDatabase;
let db: Kysely<Database>;
let views: AgentViews;

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
  views = new AgentViews(db);
});
afterAll(() => database.drop());

const config = (body: string): AgentToServerFields => ({
  effectiveConfig: {
    configMap: { configMap: { 'a.yaml': { body: Buffer.from(body), contentType: 'text/yaml' } } },
  },
});

const write = async (uid: AgentId, say: AgentToServerFields) =>
  new ReportStore(db, silentLog).write(
    (await foldReports([{ gateway: 'gateway-1', reports: [testReport(uid, { say })] }])).agents,
  );

/** Every table and column that holds this text, as text, JSON or bytes. */
async function placesOf(text: string): Promise<string[]> {
  const { rows: columns } = await sql<{ place: string; table: string; column: string }>`
    select table_name as "table", column_name as "column" from information_schema.columns
    where table_schema = current_schema() and data_type in ('text', 'jsonb', 'bytea', 'ARRAY')`.execute(db);
  const places: string[] = [];
  for (const { table, column } of columns) {
    const cell = sql`convert_to(${sql.ref(column)}::text, 'UTF8')`;
    const { rows } = await sql`
      select from ${sql.table(table)}
      where position(${Buffer.from(text)}::bytea in ${cell}) > 0
        or position(${Buffer.from(text).toString('hex')} in ${sql.ref(column)}::text) > 0`.execute(db);
    if (rows.length > 0) places.push(`${table}.${column}`);
  }
  return places;
}

test('a credential that agents report is in no table; that it was there is shown', async () => {
  const body = `exporters:\n  # für ähm\n  a: {ä: 1, password: ${secret}, x: 1}\n`;
  const say = {
    ...config(body),
    health: {
      healthy: false,
      lastError: `cannot use "password: ${secret}"`,
      componentHealthMap: { a: { lastError: `password=${secret}` } },
    },
    connectionSettingsStatus: {
      status: configStatus.failed,
      errorMessage: `no: https://me:${secret}@host`,
    },
    remoteConfigStatus: {
      lastRemoteConfigHash: Buffer.from('h'),
      status: configStatus.failed,
      errorMessage: `line 3: "password: ${secret}" is not allowed`,
    },
  };
  await write(leaky, say);
  await write(clean, config('exporters: {a: {password: "${env:PASSWORD}"}}\n'));
  expect(await placesOf('[REDACTED:url-password]')).toEqual(['agent_states.connection_settings_status']);
  expect(await placesOf('[REDACTED:password]')).toEqual(
    expect.arrayContaining(['report_contents.body', 'agent_states.health', 'config_failures.error']),
  );
  expect(await placesOf(secret)).toEqual([]);

  const detail = await views.find(leaky);
  expect(detail?.effectiveConfig).toEqual({ 'a.yaml': body.replace(secret, '[REDACTED:password]') });
  expect(detail?.findings).toEqual([{ file: 'a.yaml', line: 3, column: 23, kind: 'password' }]);
  expect(detail?.health?.lastError).toBe('cannot use "password: [REDACTED:password]"');
  expect((await views.find(clean))?.findings).toEqual([]);
  const found = await views.page({ limit: 10, finding: 'credentials' });
  expect(found.items.map(({ uid }) => uid)).toEqual([leaky]);
  expect(await views.overview()).toMatchObject({ agents: 2, withCredentials: 1 });
});

test('the content keeps the hash of what was reported', async () => {
  const { effective_config_hash: hash } = await db
    .selectFrom('agent_states')
    .select('effective_config_hash')
    .where('uid', '=', leaky)
    .executeTakeFirstOrThrow();
  const { body } = await db
    .selectFrom('report_contents')
    .select('body')
    .where('hash', '=', hash!)
    .executeTakeFirstOrThrow();
  expect(createHash('sha256').update(body).digest()).not.toEqual(hash);
});

test('what was stored in the clear by a former release is redacted when it is reported again', async () => {
  const say = config(`token: ${secret}`);
  const [agent] = (await foldReports([{ gateway: 'g', reports: [testReport(clean, { say })] }])).agents;
  const { hash, body } = agent!.effectiveConfig!.value;
  await db
    .insertInto('report_contents')
    .values({ hash, body: Buffer.from(body!) })
    .execute();
  await write(clean, say);
  expect(await placesOf(secret)).toEqual([]);
  expect((await views.find(clean))?.findings).toEqual([
    { file: 'a.yaml', line: 1, column: 8, kind: 'token' },
  ]);
});

test('a broken message is searched as it is', async () => {
  const broken = Buffer.concat([Buffer.from([0x0a, 0x7f]), Buffer.from(`token: ${secret}`)]);
  const [agent] = (await foldReports([{ gateway: 'g', reports: [testReport(clean, { say: config('x') })] }]))
    .agents;
  agent!.effectiveConfig!.value = { hash: Buffer.from('broken'), body: broken };
  await new ReportStore(db, silentLog).write([agent!]);
  expect(await placesOf(secret)).toEqual([]);
});

test('attributes and names of components are searched; others stay what they are', async () => {
  const uid = '0190a0b0-0000-7000-8000-000000000003' as AgentId;
  const text = (value: string) => ({ stringValue: value });
  const nested = { kvlistValue: { values: [{ key: 'password', value: text(secret) }] } };
  await write(uid, {
    agentDescription: {
      identifyingAttributes: [{ key: 'service.name', value: text('otelcol') }],
      nonIdentifyingAttributes: [
        { key: 'password', value: text(secret) },
        { key: 'api.token', value: text(`ghp_${'aB3'.repeat(12)}`) },
        { key: 'args', value: { arrayValue: { values: [text('--a'), text(`--password=${secret}`)] } } },
        { key: 'nested', value: nested },
        { key: 'tokens', value: { intValue: 4 } },
      ],
    },
    health: { healthy: true, componentHealthMap: { [`a/password=${secret}`]: { healthy: true } } },
  });
  expect(await placesOf(secret)).toEqual([]);
  expect(await placesOf('ghp_aB3')).toEqual([]);
  const detail = await views.find(uid);
  expect(detail?.identifyingAttributes).toEqual({ 'service.name': 'otelcol' });
  expect(detail?.nonIdentifyingAttributes).toEqual({
    password: '[REDACTED:password]',
    'api.token': expect.stringMatching(/^\[REDACTED:/),
    args: ['--a', '--password=[REDACTED:password]'],
    nested: { password: '[REDACTED:password]' },
    tokens: 4,
  });
  expect(detail?.health?.components).toHaveProperty(['a/password=[REDACTED:password]']);
  await db.deleteFrom('agents').where('uid', '=', uid).execute();
  await db.deleteFrom('agent_states').where('uid', '=', uid).execute();
});

test('health is searched where all is well too, and one that is broken stops nobody', async () => {
  const component = { healthy: false, lastError: `token=${secret}` };
  await write(clean, { health: { healthy: true, componentHealthMap: { a: component } } });
  expect((await views.find(clean))?.health).toMatchObject({
    healthy: true,
    components: { a: { lastError: 'token=[REDACTED:token]' } },
  });
  const say = { health: { healthy: true, status: `password=${secret}` } };
  const report = testReport(leaky, { sequenceNum: 9, say });
  const at = Buffer.from(report.agentToServer).indexOf('hunter');
  report.agentToServer[at] = 0xff; // no UTF-8
  const { agents, notes } = await foldReports([{ gateway: 'g', reports: [report] }]);
  expect(notes).toEqual([
    expect.objectContaining({ agent: leaky, problem: expect.stringContaining('health') }),
  ]);
  expect(agents[0]!.health).toBeNull();
});
