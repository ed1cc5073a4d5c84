import type { AgentId } from '@muster/agents/agent-id';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestWorld, type TestWorld } from './test-world.postgres.ts';

let world: TestWorld;
beforeEach(async () => {
  world = await createTestWorld();
});
afterEach(() => world.close());

async function fleetsOf(agents: readonly AgentId[]): Promise<(string | null)[]> {
  const rows = await world.db.selectFrom('fleet_members').selectAll().where('uid', 'in', agents).execute();
  return agents.map((agent) => rows.find(({ uid }) => uid === agent)?.fleet ?? null);
}

function place(agents: readonly AgentId[]) {
  return world.inTransaction((tx) => world.configs.membership.place(tx, agents));
}

function remove(name: string) {
  return world.inTransaction((tx) => world.configs.fleets.delete(tx, 'test', name));
}

test('the fleet of highest priority takes an agent; ties go by name; nobody gets the rest', async () => {
  const [prod] = await world.enrol(1, { labels: { env: 'prod', region: 'eu' } });
  const [dev] = await world.enrol(1, { labels: { env: 'dev' } });
  const both = [prod!, dev!];
  await world.putFleet('b-europe', 'region=eu');
  expect(await fleetsOf(both)).toEqual(['b-europe', null]);
  await world.putFleet('a-prod', 'env=prod');
  expect(await fleetsOf(both)).toEqual(['a-prod', null]);
  await world.putFleet('everybody', '', { priority: 1 });
  expect(await fleetsOf(both)).toEqual(['everybody', 'everybody']);
  await world.putFleet('everybody', '', { priority: -1 });
  expect(await fleetsOf(both)).toEqual(['a-prod', 'everybody']);
  await world.putFleet('a-prod', 'env=staging');
  expect(await fleetsOf(both)).toEqual(['b-europe', 'everybody']);
  await remove('b-europe');
  expect(await fleetsOf(both)).toEqual(['everybody', 'everybody']);
});

test('agents that come or change are placed the same way, and only they', async () => {
  await world.putFleet('prod', 'env=prod,!canary');
  await world.putFleet('some', 'tier in (a,b)', { priority: 2 });
  const agents = await world.enrol(4, { labels: { env: 'prod' } });
  const [first, second] = agents;
  await world.db.updateTable('agents').set({ labels: '{"tier":"b"}' }).where('uid', '=', first!).execute();
  await place([first!, second!]);
  expect(await fleetsOf(agents)).toEqual(['some', 'prod', null, null]);
  await world.db
    .updateTable('agents')
    .set({ labels: '{"env":"prod","canary":""}' })
    .where('uid', '=', second!)
    .execute();
  await place(agents);
  expect(await fleetsOf(agents)).toEqual(['some', null, 'prod', 'prod']);
});

test('agents that move are announced', async () => {
  const heard: string[] = [];
  await world.bus.listen('agents.changed', ({ agents }) => {
    for (const { uid, changes } of agents) heard.push(`${uid} ${changes.join()}`);
  });
  const agents = await world.enrol(2, { labels: { env: 'prod' } });
  await world.putFleet('prod', 'env=prod');
  await world.putFleet('prod', 'env=prod', { priority: 3 });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(heard.toSorted()).toEqual(agents.map((agent) => `${agent} fleet`));
});

test('put says whether the fleet is new, keeps what is left out, and counts its agents', async () => {
  const agents = await world.enrol(3, { labels: { env: 'prod' } });
  await world.disconnect(agents.slice(0, 1));
  expect(
    await world.putFleet('prod', 'env=prod', { priority: 7, policy: { maxFailed: '5%' } }),
  ).toMatchObject({
    created: true,
    fleet: { agents: 3, connected: 2, counts: { none: 3, applied: 0 }, configuration: null },
  });
  expect(await world.putFleet('prod', 'env in (prod)')).toMatchObject({
    created: false,
    fleet: { selector: 'env in (prod)', priority: 7, policy: { maxFailed: '5%', soakSeconds: 10 } },
  });
  expect(await world.configs.fleets.list()).toHaveLength(1);
  expect(await world.configs.agentConfigurations.statusCounts('prod')).toMatchObject({ none: 3 });
});

test('what is wrong is named, and nothing is changed', async () => {
  await expect(world.putFleet('x y', '')).rejects.toMatchObject({ code: 'invalid-name' });
  await expect(world.putFleet('prod', 'env=(')).rejects.toMatchObject({ code: 'invalid-selector' });
  await expect(world.putFleet('prod', '', { priority: 0.5 })).rejects.toMatchObject({ field: 'priority' });
  await expect(world.putFleet('prod', '', { policy: { waves: 3 } })).rejects.toMatchObject({
    field: 'policy.waves',
  });
  const unknown = world.inTransaction((tx) =>
    world.configs.fleets.put(tx, 'test', { name: 'prod', selector: '', configuration: 'nowhere' }),
  );
  await expect(unknown).rejects.toMatchObject({ code: 'unknown-configuration' });
  await expect(remove('prod')).rejects.toMatchObject({ code: 'unknown-fleet' });
  expect(await world.configs.fleets.list()).toEqual([]);
});

test('PostgreSQL knows of a large move at once', async () => {
  await world.enrol(1_000, { labels: { env: 'prod' } });
  await world.putFleet('prod', 'env=prod');
  const { rows } = await sql<{ fleets: string }>`
    select most_common_vals::text as fleets from pg_stats
    where tablename = 'fleet_members' and attname = 'fleet'`.execute(world.db);
  expect(rows).toEqual([{ fleets: '{prod}' }]);
});

test('a list counts the members of each fleet', async () => {
  const [offline] = await world.enrol(2, { labels: { env: 'prod' } });
  await world.enrol(3, { labels: { env: 'dev' } });
  await world.enrol(1);
  await world.disconnect([offline!]);
  for (const env of ['prod', 'dev', 'none']) await world.putFleet(env, `env=${env}`);
  expect(await world.configs.fleets.list()).toMatchObject([
    { name: 'dev', agents: 3, connected: 3, counts: { none: 3, deferred: 0 } },
    { name: 'none', agents: 0, connected: 0, counts: { none: 0 } },
    { name: 'prod', agents: 2, connected: 1, counts: { none: 2 } },
  ]);
});
