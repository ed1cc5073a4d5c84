import type { AgentId } from '@muster/agents/agent-id';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestWorld, reported, type TestWorld } from './test-world.postgres.ts';

let world: TestWorld;
let stable: string;
beforeEach(async () => {
  world = await createTestWorld();
  stable = await world.configuration('base');
});
afterEach(() => world.close());

/** A fleet of everybody with a stable version. */
async function stableFleet(policy: Record<string, unknown> = {}): Promise<void> {
  await world.putFleet('all', '', { policy });
  await world.db.updateTable('fleets').set({ configuration: 'base', version: 1 }).execute();
}

async function come(count: number, capabilities?: number): Promise<AgentId[]> {
  const agents = await world.enrol(count, capabilities === undefined ? {} : { capabilities });
  await world.inTransaction((tx) => world.configs.membership.place(tx, agents));
  await world.configs.convergence.consider(agents);
  return agents;
}

function given(): number {
  return world.delivered.flatMap(({ agents }) => agents).length;
}

test('a newcomer gets the stable version at once, by one message', async () => {
  await stableFleet();
  const agents = await come(1);
  expect(await world.configs.agentConfigurations.statusCounts()).toMatchObject({ deferred: 1, none: 0 });
  await world.configs.convergence.advance();
  expect(world.delivered).toEqual([{ gateway: 'gateway-1', hash: stable, agents }]);
  await world.configs.convergence.consider(agents);
  await world.configs.convergence.sweep();
  await world.configs.convergence.advance();
  expect(given()).toBe(1);
});

test('many newcomers get it at the pace of the fleet', async () => {
  await stableFleet();
  await come(100);
  const pace: number[] = [];
  for (let tick = 0; tick <= 5; tick++) {
    for (let part = 0; part < 10; part++) {
      await world.configs.convergence.advance();
      world.clock.now += 100;
    }
    pace.push(given());
  }
  expect(pace).toEqual([38, 58, 78, 98, 100, 100]);
});

test('the policy sets the pace', async () => {
  await stableFleet({ perSecond: 2 });
  await come(10);
  await world.configs.convergence.advance();
  expect(given()).toBe(2);
  world.clock.now += 1000;
  await world.configs.convergence.advance();
  expect(given()).toBe(4);
});

test('the sweep finds agents nobody told of', async () => {
  await stableFleet();
  const agents = await world.enrol(2);
  await world.putFleet('all', '');
  await world.configs.convergence.advance();
  expect(given()).toBe(0);
  await world.configs.convergence.sweep();
  await world.configs.convergence.advance();
  expect(world.delivered[0]?.agents.toSorted()).toEqual(agents);
});

test('left alone: offline, without the capability, in no fleet with a version, or failed it before', async () => {
  await world.putFleet('all', '');
  const [failed, offline] = await world.enrol(2);
  await world.report([failed!], stable, reported.failed, 'no');
  await world.disconnect([offline!]);
  await come(1, 0x1801);
  await world.putFleet('all', '');
  await world.configs.convergence.sweep();
  await world.configs.convergence.advance();
  expect(given()).toBe(0);
  await world.db.updateTable('fleets').set({ configuration: 'base', version: 1 }).execute();
  for (let i = 0; i < 3; i++) {
    await world.configs.convergence.sweep();
    await world.configs.convergence.advance();
    world.clock.now += 1000;
  }
  expect(given()).toBe(0);
  await world.connect([offline!]);
  await world.configs.convergence.consider([offline!]);
  await world.configs.convergence.advance();
  expect(world.sentTo(offline!)).toEqual([stable]);
});

test('agents in quarantine do not slow the others down', async () => {
  await stableFleet({ perSecond: 5 });
  const failed = await world.enrol(50);
  await world.report(failed, stable, reported.failed, 'no');
  await world.putFleet('all', '');
  await world.configs.convergence.sweep();
  await come(5);
  for (let i = 0; i < 12; i++) await world.configs.convergence.advance();
  expect(given()).toBe(5);
});

test('agents of a rollout under way are left to it', async () => {
  await stableFleet();
  const agents = await world.enrol(2);
  await world.putFleet('all', '');
  const id = '01900000-0000-7000-8000-000000000001';
  await world.db
    .insertInto('rollouts')
    .values({
      id,
      fleet: 'all',
      configuration: 'base',
      version: 1,
      policy: '{}',
      state: 'paused',
      wave_count: 1,
      created_by: 'test',
    })
    .execute();
  await world.db
    .insertInto('rollout_agents')
    .values({ rollout_id: id, uid: agents[0]!, wave: 0, hash: Buffer.from(stable, 'hex') })
    .execute();
  await world.configs.convergence.sweep();
  await world.configs.convergence.advance();
  expect(world.delivered.flatMap((sent) => sent.agents)).toEqual([agents[1]]);
});
