import { uuidV7 } from '@muster/db/uuid-v7';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FinishedRollouts } from './finished-rollouts.postgres.ts';
import { createRolloutWorld, type RolloutWorld } from './test-rollouts.setup.ts';

let rig: RolloutWorld;
let finished: FinishedRollouts;
beforeEach(async () => {
  rig = await createRolloutWorld();
  finished = new FinishedRollouts(rig.world.db);
  await rig.world.putFleet('edge', 'role=edge');
});
afterEach(() => rig.world.close());

const dayMs = 86_400_000;
const before = () => new Date(Date.now() - 180 * dayMs);

/** A rollout with one event and agents, that finished so many days ago. */
async function rollout(ageDays: number, agents = 1): Promise<string> {
  const { db } = rig.world;
  const id = uuidV7();
  const at = new Date(Date.now() - ageDays * dayMs);
  await sql`
    insert into rollouts (id, fleet, configuration, version, policy, state, wave_count, created_at, created_by, finished_at)
    values (${id}, 'edge', 'edge', 1, '{}', 'completed', 1, ${at}, 'test', ${at})`.execute(db);
  await sql`
    insert into rollout_agents (rollout_id, uid, wave, hash)
    select ${id}, gen_random_uuid(), 1, decode(${rig.v1}, 'hex') from generate_series(1, ${agents})`.execute(
    db,
  );
  await sql`
    insert into rollout_events (id, rollout_id, actor, kind, detail)
    values (${uuidV7()}, ${id}, 'test', 'completed', '{}')`.execute(db);
  return id;
}

async function deleteAll(atMost = 1_000): Promise<void> {
  while ((await finished.delete(before(), atMost)) > 0);
}

const left = async () =>
  (await rig.world.db.selectFrom('rollouts').select('id').orderBy('created_at').execute()).map(
    ({ id }) => id,
  );

it('takes old rollouts with their agents and events, but the last ten of a fleet', async () => {
  const old = [];
  for (const age of [400, 390, 380]) old.push(await rollout(age, 5));
  const kept = [];
  for (let number = 0; number < 10; number++) kept.push(await rollout(300 - number));
  await deleteAll(2);
  expect(await left()).toEqual(kept);
  for (const table of ['rollout_agents', 'rollout_events'] as const) {
    const rows = await rig.world.db.selectFrom(table).select('rollout_id').execute();
    expect(new Set(rows.map(({ rollout_id }) => rollout_id))).toEqual(new Set(kept));
  }
});

it('takes none that finished lately, gave an agent its target, or holds agents in quarantine', async () => {
  const { db } = rig.world;
  const [gone, target, holding, lifted] = [
    await rollout(400),
    await rollout(399),
    await rollout(398),
    await rollout(397),
  ];
  for (let number = 0; number < 11; number++) await rollout(170 - number);
  await sql`insert into agent_configurations (uid, rollout_id) values (gen_random_uuid(), ${target})`.execute(
    db,
  );
  for (const [id, at] of [
    [holding, null],
    [lifted, new Date(Date.now() - 200 * dayMs)],
  ]) {
    await sql`
      insert into cohort_quarantines
        (id, configuration, version, type, agent_version, os, arch, fleet, rollout_id, reason, made_at, lifted_at)
      values (${uuidV7()}, 'edge', 1, '', '', '', '', 'edge', ${id}, '', now(), ${at})`.execute(db);
  }
  await deleteAll();
  const ids = await left();
  expect(ids).toHaveLength(13);
  expect(ids).toEqual(expect.arrayContaining([target, holding]));
  expect(ids).not.toContain(gone);
  expect(ids).not.toContain(lifted);
  expect(await finished.deleteLifted(before(), 10)).toBe(1);
  const quarantines = await db.selectFrom('cohort_quarantines').select('rollout_id').execute();
  expect(quarantines).toEqual([{ rollout_id: holding }]);
});
