import type { AgentId } from '@muster/agents/agent-id';
import { reported } from '@muster/configs/test-world.postgres';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRolloutWorld, type RolloutWorld } from './test-rollouts.setup.ts';

let r: RolloutWorld;
let agents: AgentId[];
beforeEach(async () => {
  r = await createRolloutWorld();
  agents = await r.fleetOnV1(3);
});
afterEach(() => r.world.close());

const wholeFleet = { waves: ['100%'], soakSeconds: 0, maxFailed: '1' };

/** The first agent fails version 2 and goes back to version 1; the fleet's stable version is 2 then. */
async function failOne(): Promise<void> {
  const id = await r.start(2, wholeFleet);
  await r.pass(100);
  await r.world.report(agents.slice(0, 1), r.v2, reported.failed, 'cannot bind');
  await r.report(agents.slice(1), r.v2, reported.applied);
  await r.report(agents.slice(0, 1), r.v1, reported.applied);
  expect(await r.rollouts.find(id)).toMatchObject({ state: 'completed', counts: { failed: 1 } });
}

async function converge(): Promise<void> {
  await r.world.configs.convergence.sweep();
  await r.world.configs.convergence.advance();
}

const page = (query: { agent?: string; fleet?: string; configuration?: string; lifted?: boolean } = {}) =>
  r.world.configs.quarantines.page({ lifted: false, limit: 10, ...query });

test('FAILED for a version and then APPLIED for the one before never leads to an offer of it', async () => {
  await failOne();
  await converge();
  await r.world.disconnect(agents.slice(0, 1));
  await r.world.connect(agents.slice(0, 1));
  await converge();
  const again = await r.start(2, wholeFleet);
  await r.pass(100);
  expect(await r.inState(again, 'quarantined')).toEqual(agents.slice(0, 1));
  expect((await r.rollouts.agents(again, { state: 'quarantined', limit: 5 })).items).toMatchObject([
    { error: 'cannot bind' },
  ]);
  expect(r.world.sentTo(agents[0]!)).toEqual([r.v2, r.v1]);
});

test('holds for every rendering of the version', async () => {
  await failOne();
  const other = Buffer.alloc(32, 7);
  await r.world.db
    .insertInto('rendered_configs')
    .values({ hash: other, remote_config: Buffer.from(''), files: '{}' })
    .execute();
  const hash = other.toString('hex');
  const target = { configuration: 'edge', version: 2, hash, rolloutId: null };
  const got = await r.world.inTransaction((tx) =>
    r.world.configs.desiredState.setTargets(
      tx,
      agents.map((agent) => ({ agent, ...target })),
    ),
  );
  expect(got.toSorted()).toEqual(agents.slice(1));
});

test('holds for the same bytes under another version, and not for other bytes', async () => {
  await failOne();
  const same = await r.world.version('edge', 'two');
  expect(same.hash).toBe(r.v2);
  const id = await r.start(same.version, wholeFleet);
  await r.pass(100);
  expect(await r.inState(id, 'quarantined')).toEqual(agents.slice(0, 1));
  const other = await r.world.version('edge', 'three');
  const fine = await r.start(other.version, wholeFleet);
  await r.pass(100);
  expect(await r.inState(fine, 'offered')).toHaveLength(3);
});

test('an agent that comes into quarantine while it is away is not due for ever', async () => {
  const id = await r.start(2, { ...wholeFleet, maxDisconnected: null, applyDeadlineSeconds: 60 });
  await r.pass(100);
  const [away] = agents;
  await r.world.disconnect([away!]);
  await r.pass(30_000);
  await r.report(agents.slice(1, 2), r.v2, reported.applied);
  await r.pass(31_000);
  expect(await r.inState(id, 'deferred')).toEqual([away]);
  await r.makeCohort([away!], 'otelcol');
  await r.world.inTransaction(async (tx) => {
    const target = { agent: away!, configuration: 'edge', version: 1, hash: r.v1, rolloutId: null };
    await r.world.configs.desiredState.setTargets(tx, [target]);
    const traits = { type: 'otelcol', version: '1', os: 'linux', arch: 'amd64' };
    const version = { configuration: 'edge', version: 2 };
    await r.world.configs.quarantines.addCohort(tx, {
      id,
      fleet: 'edge',
      ...version,
      cohort: 0,
      traits,
      reason: '',
    });
  });
  await r.world.connect([away!]);
  await r.engine.advance(id);
  expect(await r.inState(id, 'quarantined')).toEqual([away]);
});

test('is listed, and filtered by agent, fleet and configuration', async () => {
  await failOne();
  const { items } = await page();
  expect(items).toMatchObject([
    {
      scope: 'agent',
      agent: { uid: agents[0] },
      fleet: 'edge',
      versions: [{ configuration: 'edge', version: 2 }],
      reason: 'cannot bind',
      liftedAt: null,
    },
  ]);
  for (const query of [{ agent: agents[0]! }, { fleet: 'edge' }, { configuration: 'edge' }])
    expect((await page(query)).items).toHaveLength(1);
  for (const query of [{ agent: agents[1]! }, { fleet: 'core' }, { configuration: 'core' }, { lifted: true }])
    expect((await page(query)).items).toEqual([]);
});

test('of a cohort is listed for each fleet that has agents of it', async () => {
  await r.world.putFleet('core', 'role=core');
  const [neighbour] = await r.world.enrol(1, { labels: { role: 'core' } });
  await r.world.inTransaction((tx) => r.world.configs.membership.place(tx, [neighbour!]));
  await r.makeCohort([neighbour!], 'otelcol');
  await r.world.putFleet('other', 'role=other');
  const kind = { type: 'otelcol', version: '1', os: 'linux', arch: 'amd64' };
  const version = { configuration: 'edge', version: 2 };
  await r.world.inTransaction((tx) =>
    r.world.configs.quarantines.addKind(tx, { rollout: null, fleet: 'edge', ...version, kind, reason: 'no' }),
  );
  for (const fleet of ['edge', 'core'])
    expect((await page({ fleet })).items).toMatchObject([{ scope: 'cohort', cohort: kind, fleet: 'edge' }]);
  expect((await page({ fleet: 'other' })).items).toEqual([]);
});

test('outlives its agent: one that comes back with the same uid is not offered it', async () => {
  await failOne();
  const [agent] = agents;
  await r.world.db.deleteFrom('agents').where('uid', '=', agent!).execute();
  await r.world.db.deleteFrom('fleet_members').where('uid', '=', agent!).execute();
  expect((await page()).items).toMatchObject([{ agent: { uid: agent, name: '' }, fleet: null }]);
  await r.world.db.deleteFrom('agent_configurations').where('uid', '=', agent!).execute();
  await r.world.db
    .insertInto('agents')
    .values({ uid: agent!, labels: JSON.stringify({ role: 'edge' }) })
    .execute();
  await r.world.inTransaction((tx) => r.world.configs.membership.place(tx, [agent!]));
  r.world.delivered.length = 0;
  await converge();
  expect(r.world.sentTo(agent!)).toEqual([]);
});

test('is read in pages, the latest first', async () => {
  for (const agent of agents) {
    r.world.clock.now += 1000;
    await r.world.report([agent], r.v2, reported.failed, 'no');
  }
  const query = { lifted: false, limit: 2 };
  const first = await r.world.configs.quarantines.page(query);
  const second = await r.world.configs.quarantines.page({ ...query, after: first.next! });
  const seen = [...first.items, ...second.items].map(({ agent }) => agent!.uid);
  expect(seen).toEqual(agents.toReversed());
  expect(second.next).toBeNull();
  await expect(r.world.configs.quarantines.page({ ...query, after: 'x' })).rejects.toMatchObject({
    code: 'invalid-cursor',
  });
});

test('ends when somebody lifts it: convergence brings the stable version then', async () => {
  await failOne();
  const [quarantine] = (await page()).items;
  const lift = () =>
    r.world.inTransaction((tx) => r.world.configs.quarantines.lift(tx, 'alice', quarantine!.id));
  await lift();
  expect((await page()).items).toEqual([]);
  expect((await page({ lifted: true })).items).toMatchObject([
    { liftedBy: 'alice', liftedAt: expect.any(Date) },
  ]);
  await expect(lift()).rejects.toMatchObject({ code: 'unknown-quarantine', field: 'id' });
  expect(r.world.sentTo(agents[0]!)).toEqual([r.v2, r.v1]);
  await converge();
  expect(r.world.sentTo(agents[0]!)).toEqual([r.v2, r.v1, r.v2]);
});
