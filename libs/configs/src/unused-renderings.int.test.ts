import { sql } from 'kysely';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { silentLog } from '@muster/platform/log';
import { createTestWorld, reported, type TestWorld } from './test-world.postgres.ts';
import { UnusedRenderings } from './unused-renderings.postgres.ts';
import { wireConfigs } from './wire.ts';

let world: TestWorld;
let unused: UnusedRenderings;
beforeEach(async () => {
  world = await createTestWorld();
  unused = new UnusedRenderings(world.db);
});
afterEach(() => world.close());

const longAgo = () =>
  sql`update rendered_configs set touched_at = now() - interval '31 days'`.execute(world.db);
const before = () => new Date(Date.now() - 30 * 86_400_000);
const stored = async () =>
  (await world.db.selectFrom('rendered_configs').select('hash').execute())
    .map(({ hash }) => hash.toString('hex'))
    .toSorted();
const free = async () => unused.free(await unused.find(before()), before());

it('frees what nothing refers to, when nobody has rendered it for long', async () => {
  const [gone, kept] = [await world.configuration('gone'), await world.configuration('kept')];
  const agents = await world.enrol(1);
  await world.report(agents, kept, reported.applied);
  expect(await free()).toBe(0);
  await longAgo();
  expect(await free()).toBe(1);
  expect(await stored()).toEqual([kept]);
  const versions = await world.db.selectFrom('rendered_versions').select('hash').execute();
  expect(versions.map(({ hash }) => hash.toString('hex'))).not.toContain(gone);
});

it.each([
  [
    'the target of an agent',
    "insert into agent_configurations (uid, target_hash) values (gen_random_uuid(), decode($1, 'hex'))",
  ],
  [
    'what an agent had before',
    "insert into agent_configurations (uid, previous_hash) values (gen_random_uuid(), decode($1, 'hex'))",
  ],
  [
    'what an agent has failed',
    "insert into config_failures (uid, hash, error) values (gen_random_uuid(), decode($1, 'hex'), '')",
  ],
  [
    'what a rollout shows',
    "insert into rollout_agents (rollout_id, uid, wave, hash) values (gen_random_uuid(), gen_random_uuid(), 1, decode($1, 'hex'))",
  ],
  [
    'what was rendered for an agent',
    "insert into agent_renderings (uid, configuration, version, inputs, hash) values (gen_random_uuid(), 'x', 1, gen_random_uuid(), decode($1, 'hex'))",
  ],
])('keeps %s', async (_what, statement) => {
  const hash = await world.configuration('edge');
  const [insert, rest] = statement.split('$1') as [string, string];
  await sql`${sql.raw(insert)}${hash}${sql.raw(rest)}`.execute(world.db);
  await longAgo();
  expect(await free()).toBe(0);
});

it('keeps what is rendered again between the look and the deletion', async () => {
  const hash = await world.configuration('edge');
  await longAgo();
  const found = await unused.find(before());
  expect(found.map((each) => each.toString('hex'))).toEqual([hash]);
  // Another process, which does not know that it is stored, renders the same bytes.
  const { db, bus, presence, offerCache, delivery } = world;
  const other = wireConfigs({ db, bus, presence, offerCache, delivery, log: silentLog });
  await world.inTransaction((tx) =>
    other.rendered.renderFor(tx, { configuration: 'edge', version: 1 }, { name: '', variables: {} }, []),
  );
  expect(await unused.free(found, before())).toBe(0);
  expect(await stored()).toEqual([hash]);
});

it('a version that was freed is stored again when a process that knew it renders it a day later', async () => {
  const hash = await world.configuration('edge');
  await longAgo();
  expect(await free()).toBe(1);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 25 * 3_600_000 });
  expect(await world.rendered('edge', 1)).toBe(hash);
  vi.useRealTimers();
  expect(await stored()).toEqual([hash]);
});
