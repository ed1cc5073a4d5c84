import { createTestDatabase, type TestDatabase } from '@muster/db/test-database.postgres';
import { createMemoryEventBus } from '@muster/messages/event-bus.memory';
import type { AgentToServerFields } from '@muster/opamp/opamp';
import { textFields } from '@muster/opamp/text-fields.setup';
import type { Log } from '@muster/platform/log';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgentId } from './agent-id.ts';
import { AgentViews } from './agent-views.postgres.ts';
import { createMemoryPresence } from './presence.memory.ts';
import { testReport } from './test-report.setup.ts';
import { wireReports } from './wire.ts';

const token = 'ghp_aB3dE5fG7hJ9kL1mN0pQ2rS4tU6vW8xYzAbC';
/** Is it so long that the protobuf around it looks like a part of it? */
const longToken = `${token}${'a'.repeat(65 - token.length)}`;

/** Bytes that are compared and never shown as text. A new field of bytes is decided here. */
const comparedBytes = new Set([
  'remote_config_status.last_remote_config_hash',
  'package_statuses.packages.*.agent_has_hash',
  'package_statuses.packages.*.server_offered_hash',
  'package_statuses.server_provided_all_packages_hash',
  'connection_settings_status.last_connection_settings_hash',
  'available_components.hash',
]);

let database: TestDatabase;
const said: unknown[] = [];
const listen = (...words: unknown[]) => void said.push(words);
const log = { info: listen, warn: listen, error: listen, debug: listen } as unknown as Log;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** All that is stored, as text. */
async function stored(): Promise<string> {
  const { rows: tables } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables
    where table_schema = current_schema() and table_type = 'BASE TABLE'`.execute(database.db);
  let all = '';
  for (const { name } of tables) {
    const { rows } = await sql<{ row: unknown }>`select to_jsonb(t) as row from ${sql.table(name)} t`.execute(
      database.db,
    );
    all += JSON.stringify(rows);
  }
  // bytea in JSON is hexadecimal
  return (
    all + all.replaceAll(/\\\\x([0-9a-f]+)/g, (_, hex: string) => Buffer.from(hex, 'hex').toString('latin1'))
  );
}

let next = 0;

async function take(...messages: AgentToServerFields[]): Promise<AgentId> {
  const uid = `0190a0b0-0000-7000-8000-${String(++next).padStart(12, '0')}` as AgentId;
  const bus = createMemoryEventBus();
  await bus.listen('agents.changed', listen);
  const presence = createMemoryPresence();
  const { intake } = wireReports({ db: database.db, presence, bus, httpSilenceMs: 1_000, log });
  const reports = messages.map((say, sequenceNum) => testReport(uid, { say, sequenceNum, connected: true }));
  await intake.take([{ gateway: 'gateway-1', reports }]);
  await bus.close();
  return uid;
}

describe('a credential in any text of a message is in no table, no answer and no log:', () => {
  const fields = textFields().filter(({ path }) => path !== 'instance_uid' && !comparedBytes.has(path));

  it('there are all kinds of sub-messages', () => {
    const paths = fields.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        'health.component_health_map.#',
        'health.attributes.value.string_value',
        'agent_description.identifying_attributes.key',
        'package_statuses.packages.*.error_message',
        'available_components.components.*.metadata.value.string_value',
        'effective_config.config_map.config_map.#',
        'custom_capabilities.capabilities',
      ]),
    );
    const bytes = textFields().filter(({ kind }) => kind === 'bytes');
    for (const path of comparedBytes) expect(bytes.map((field) => field.path)).toContain(path);
  });

  it.each(fields.map((field) => [field.path, field] as const))('%s', async (_path, field) => {
    const uid = await take(field.with(token), field.with(longToken), field.with(`see ${token} there`));
    const answer = JSON.stringify(await new AgentViews(database.db).find(uid));
    for (const place of [await stored(), answer, JSON.stringify(said)]) {
      expect(place).not.toContain('aB3dE5fG7hJ9kL1mN0pQ2rS4tU6vW8xYzAbC');
      expect(place).not.toContain(Buffer.from(token).toString('base64').slice(4, -4));
    }
  });

  it('a large one too', async () => {
    const lastError = `${'all is well\n'.repeat(2_000)}password: ${token}\n`;
    const uid = await take({ health: { healthy: false, lastError } });
    const detail = await new AgentViews(database.db).find(uid);
    expect(detail!.health!.lastError).toContain('[REDACTED:');
    expect(await stored()).not.toContain(token);
  });

  it('a value by the name of its attribute, in components and health', async () => {
    const attributes = [{ key: 'password', value: { stringValue: 'hunter2x' } }];
    const uid = await take({
      health: { attributes },
      availableComponents: { hash: Buffer.from('1'), components: { receivers: { metadata: attributes } } },
    });
    const detail = await new AgentViews(database.db).find(uid);
    expect(detail!.health!.attributes).toEqual({ password: '[REDACTED:password]' });
    expect(detail!.components!.components['receivers']!.metadata).toEqual({
      password: '[REDACTED:password]',
    });
    expect(await stored()).not.toContain('hunter2x');
  });
});

it('what is no credential stays as it came', async () => {
  const uid = await take({
    health: {
      healthy: true,
      status: 'StatusOK',
      componentHealthMap: { 'pipeline:traces': { healthy: true } },
    },
    packageStatuses: { packages: { otelcol: { name: 'otelcol', agentHasVersion: '0.149.0' } } },
  });
  const detail = await new AgentViews(database.db).find(uid);
  expect(detail!.health).toMatchObject({
    status: 'StatusOK',
    components: { 'pipeline:traces': { healthy: true } },
  });
  expect(detail!.packages!.packages['otelcol']!.agentHasVersion).toBe('0.149.0');
  expect(detail!.withheld).toEqual({});
});
