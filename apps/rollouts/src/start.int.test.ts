import type { AgentId } from '@muster/agents/agent-id';
import { createTestWorld, reported, type TestWorld } from '@muster/configs/test-world.postgres';
import { silentLog } from '@muster/platform/log';
import type { Running } from '@muster/platform/running';
import type { BatchQueue } from '@muster/rollouts/batch-queue';
import { createMemoryBatchQueue } from '@muster/rollouts/batch-queue.memory';
import { wireRollouts } from '@muster/rollouts/wire';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startRollouts } from './start.ts';

let world: TestWorld;
let queue: BatchQueue;
let running: Running;
let agents: AgentId[];
let hash: string;

beforeEach(async () => {
  world = await createTestWorld();
  queue = createMemoryBatchQueue();
  hash = await world.configuration('edge');
  agents = await world.enrol(20, { labels: { role: 'edge' } });
  await world.putFleet('edge', 'role=edge', { policy: { waves: ['1', '50%'], soakSeconds: 0 } });
});
afterEach(async () => {
  await running.stop();
  await queue.close();
  await world.close();
});

async function start(): Promise<void> {
  const { db, bus, presence, offerCache, delivery } = world;
  const deps = { db, bus, presence, offerCache, delivery, queue, log: silentLog };
  running = await startRollouts({ ...deps, keepRolloutsDays: 180 });
}

/** As the API does it, in a process that has no engine running. */
function startRollout() {
  const { rollouts } = wireRollouts({ db: world.db, configs: world.configs, queue, log: silentLog });
  const input = { fleet: 'edge', configuration: 'edge', version: 1 };
  return world.inTransaction((tx) => rollouts.start(tx, 'alice', input));
}

/** Agents that apply whatever they are sent, and say so. */
async function answerOffers(): Promise<void> {
  for (const sent of world.delivered.splice(0)) {
    await world.report(sent.agents, sent.hash, reported.applied);
    const told = sent.agents.map((uid) => ({ uid, changes: ['configStatus' as const] }));
    await world.bus.publish('agents.changed', { agents: told });
  }
}

async function stableVersion(): Promise<number | null> {
  return (await world.configs.fleets.find('edge'))?.version ?? null;
}

test('a rollout goes from start to complete by clock and events', async () => {
  await start();
  await startRollout();
  await vi.waitFor(async () => {
    await answerOffers();
    expect(await stableVersion()).toBe(1);
  }, 5000);
  const counts = await world.configs.agentConfigurations.statusCounts('edge');
  expect(counts).toMatchObject({ applied: agents.length });
});

test('a rollout started while nobody carried rollouts on goes on at start', async () => {
  const lost = createMemoryBatchQueue();
  const kept = queue;
  queue = lost;
  const { id } = await startRollout();
  await lost.close();
  queue = kept;
  await start();
  await vi.waitFor(() => expect(world.delivered).toHaveLength(1));
  expect(world.delivered[0]).toMatchObject({ hash, agents: [expect.any(String)] });
  expect(id).toBeTruthy();
});
