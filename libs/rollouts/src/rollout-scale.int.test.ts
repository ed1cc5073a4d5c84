import type { Tx } from '@muster/db/transaction';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RolloutAgentsStore } from './rollout-agents-store.postgres.ts';
import { RolloutStore } from './rollout-store.postgres.ts';
import { createRolloutWorld, type RolloutWorld } from './test-rollouts.setup.ts';

const fleet = 100_000;
const smallWave = 10;
/** The third wave is a small one after a large one. */
const waves = ['10', '50000', '50010', '100%'];

let r: RolloutWorld;
let id: string;
let planningMs: number;

beforeAll(async () => {
  r = await createRolloutWorld();
  const { db } = r.world;
  await sql`
    insert into agents (uid, labels, type, version, os, arch)
    select ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, '{"role": "edge"}', 'otelcol',
      case when n % 10 < 6 then '1' when n % 10 < 9 then '2' else '3' end, 'linux',
      case when n % 100 = 0 then 'arm64' else 'amd64' end
    from generate_series(1, ${fleet}::int) as n`.execute(db);
  await sql`
    insert into agent_states (uid, capabilities, connected)
    select uid, ${0x1803}, true from agents`.execute(db);
  await sql`analyze agents, agent_states`.execute(db);
  await r.world.putFleet('edge', 'role=edge');
  const started = performance.now();
  id = await r.start(2, { waves, soakSeconds: 0, jitterSeconds: 0 });
  planningMs = performance.now() - started;
}, 120_000);

afterAll(() => r.world.close());

/** Rows of the tables with a row for each agent that `work` has read, by sequence or by index. */
async function rowsRead(work: (tx: Tx) => Promise<unknown>): Promise<number> {
  return r.world.inTransaction(async (tx) => {
    const before = await countRead(tx);
    await work(tx);
    return (await countRead(tx)) - before;
  });
}

/** By this session, since its statistics were sent. */
async function countRead(tx: Tx): Promise<number> {
  const { rows } = await sql<{ read: number }>`
    select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::int as read
    from pg_stat_xact_user_tables
    where relname in ('rollout_agents', 'agent_states', 'agents', 'agent_configurations')`.execute(tx.db);
  return rows[0]!.read;
}

async function answerWave(wave: number): Promise<void> {
  await r.pass(100);
  await sql`
    update agent_states s set remote_config_hash = ra.hash, remote_config_status = 1
    from rollout_agents ra where ra.rollout_id = ${id} and ra.wave = ${wave} and ra.uid = s.uid`.execute(
    r.world.db,
  );
  await r.engine.advance(id);
}

test('100,000 agents of four cohorts are planned in seconds', async () => {
  expect(await r.rollouts.find(id)).toMatchObject({
    waves: [{ size: 10 }, { size: 49_990 }, { size: 10 }, { size: fleet - 50_010 }],
    cohorts: expect.objectContaining({ length: 4 }),
  });
  expect(planningMs).toBeLessThan(4_000);
});

test('what a look reads depends on its wave and not on the fleet', async () => {
  await answerWave(0);
  await answerWave(1);
  await r.pass(100);
  expect(await r.rollouts.find(id)).toMatchObject({ wave: 2, counts: { applied: 50_000, offered: 10 } });
  const store = new RolloutStore(r.world.db);
  const agents = new RolloutAgentsStore(0);
  const read = await rowsRead(async (tx) => {
    const rollout = (await store.lock(tx, id))!;
    await agents.settleOffers(tx, rollout, true, r.world.clock.now);
    await agents.setAside(tx, rollout);
    await agents.counts(tx, rollout, r.world.clock.now);
    await agents.due(tx, rollout, 10);
  });
  expect(read).toBeGreaterThan(0);
  expect(read).toBeLessThanOrEqual(8 * smallWave);
});
