import { createTestDatabase, type TestDatabase } from '@muster/db/test-database.postgres';
import { createMemoryEventBus } from '@muster/messages/event-bus.memory';
import type { AgentsChanged } from '@muster/messages/vocabulary';
import { silentLog } from '@muster/platform/log';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { agentIdToBytes, type AgentId } from './agent-id.ts';
import { claimed } from './claimed.setup.ts';
import { createMemoryPresence } from './presence.memory.ts';
import { testReport, type TestReport } from './test-report.setup.ts';
import { wireReports } from './wire.ts';

const former = '0190a0b0-0000-7000-8000-000000000001' as AgentId;
const uid = '0190a0b0-0000-7000-8000-000000000002' as AgentId;
const token = '0190a0b0-0000-7000-8000-00000000000a';
const hash = Buffer.alloc(32, 7);

let database: TestDatabase;
let told: AgentsChanged['agents'];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  told = [];
  await sql`
    truncate agents, agent_states, agent_renames, fleet_members, agent_configurations, config_failures, enrollments,
      enrollment_tokens, undelivered_offers, fleets, configurations, rendered_configs cascade`.execute(
    database.db,
  );
});

async function start() {
  const bus = createMemoryEventBus();
  await bus.listen('agents.changed', ({ agents }) => void told.push(...agents));
  const presence = createMemoryPresence();
  const { intake } = wireReports({ db: database.db, presence, bus, httpSilenceMs: 90_000, log: silentLog });
  const take = (agent: AgentId, fields: TestReport) =>
    intake.take([{ gateway: 'gateway-1', reports: [testReport(agent, fields)] }]);
  return { presence, take };
}

const named = (name: string) => ({
  agentDescription: { identifyingAttributes: [{ key: 'service.name', value: { stringValue: name } }] },
});
const renamed = { formerInstanceUid: agentIdToBytes(former) };
const agents = () =>
  database.db
    .selectFrom('agents')
    .leftJoin('fleet_members', 'fleet_members.uid', 'agents.uid')
    .selectAll('agents')
    .select('fleet_members.fleet')
    .execute();

/** What people and rollouts know of an agent beside its reports. */
async function give(agent: AgentId) {
  const { db } = database;
  await sql`update agents set labels = '{"team":"a"}' where uid = ${agent}`.execute(db);
  await sql`insert into fleet_members (uid, fleet) values (${agent}, 'all')`.execute(db);
  await db.insertInto('config_failures').values({ uid: agent, hash, error: 'boom' }).execute();
  await db
    .insertInto('rendered_configs')
    .values({ hash, remote_config: Buffer.alloc(1), files: '{}' })
    .execute();
  await db
    .insertInto('agent_configurations')
    .values({ uid: agent, target_hash: hash, desired_hash: hash })
    .execute();
  await sql`insert into enrollment_tokens (id, name, secret_hash, created_by)
    values (${token}, 'default', ${hash}, 'system')`.execute(db);
  await db.insertInto('enrollments').values({ enrollment_token_id: token, uid: agent }).execute();
  await db.insertInto('enrollments').values({ enrollment_token_id: token, uid, former: agent }).execute();
}

it('an agent under a new uid keeps its record, and late reports under the former one make no other', async () => {
  const { take, presence } = await start();
  await take(former, { epoch: 5, sequenceNum: 1, connected: true, say: named('collector') });
  await give(former);
  await presence.claim('gateway-1', [{ agent: former, now: 5 }]);
  await presence.rename(former, uid);
  expect(claimed((await presence.claim('gateway-1', [{ agent: uid, now: 6 }]))[0]).former).toBe(former);

  await take(uid, { epoch: 6, sequenceNum: 2, say: { health: { healthy: true } }, ...renamed });
  // Told again, and something late from another gateway.
  await take(uid, { epoch: 6, sequenceNum: 2, say: { health: { healthy: true } }, ...renamed });
  await take(former, { epoch: 5, sequenceNum: 0, say: named('older'), disconnected: true });

  expect(await agents()).toMatchObject([{ uid, name: 'collector', labels: { team: 'a' }, fleet: 'all' }]);
  const { db } = database;
  const of = async (
    table: 'agent_states' | 'config_failures' | 'agent_configurations' | 'enrollments' | 'undelivered_offers',
  ) => db.selectFrom(table).selectAll().execute();
  expect(await of('agent_states')).toMatchObject([{ uid, healthy: true, connected: true }]);
  expect(await of('config_failures')).toMatchObject([{ uid, error: 'boom' }]);
  // To be delivered under the new name.
  expect(await of('agent_configurations')).toMatchObject([{ uid, desired_hash: hash }]);
  expect(await of('undelivered_offers')).toMatchObject([{ agents: [uid] }]);
  expect(await of('enrollments')).toMatchObject([{ uid, former: null }]);
  expect(told).toContainEqual({ uid: former, changes: ['deleted'] });
  expect(told).toContainEqual({ uid, changes: ['enrolled', 'description', 'fleet', 'configuration'] });
  expect(claimed((await presence.claim('gateway-1', [{ agent: uid, now: 7 }]))[0]).former).toBeNull();
});

it('a process that was started after the rename knows of it', async () => {
  await (await start()).take(uid, { epoch: 6, connected: true, say: named('collector'), ...renamed });
  await (await start()).take(former, { epoch: 5, connected: true, say: named('older') });
  expect(await agents()).toMatchObject([{ uid, name: 'collector' }]);
});

it('what another process stored under the new uid first is kept, with the labels of the former', async () => {
  const { take } = await start();
  await take(former, { epoch: 5, connected: true, say: named('older') });
  await give(former);
  await take(uid, { epoch: 6, sequenceNum: 3, connected: true, say: named('newer') });
  await take(uid, { epoch: 6, sequenceNum: 2, ...renamed });
  expect(await agents()).toMatchObject([{ uid, name: 'newer', labels: { team: 'a' }, fleet: 'all' }]);
});
