import { createTestWorld, reported, type TestWorld } from '@muster/configs/test-world.postgres';
import type { AgentChange } from '@muster/messages/vocabulary';
import type { Running } from '@muster/platform/running';
import { silentLog } from '@muster/platform/log';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startConfigs } from './start.ts';

let world: TestWorld;
let running: Running;
let stable: string;

beforeEach(async () => {
  world = await createTestWorld();
  stable = await world.configuration('base');
  await world.putFleet('prod', 'env=prod');
  await world.db.updateTable('fleets').set({ configuration: 'base', version: 1 }).execute();
});
afterEach(async () => {
  await running.stop();
  await world.close();
});

async function start(): Promise<void> {
  const { db, bus, presence, offerCache, delivery } = world;
  running = await startConfigs({ db, bus, presence, offerCache, delivery, log: silentLog });
}

function tell(agents: readonly string[], ...changes: AgentChange[]): Promise<void> {
  return world.bus.publish('agents.changed', { agents: agents.map((uid) => ({ uid, changes })) });
}

test('a newcomer is placed and gets the stable version; what it refuses is taken back', async () => {
  await start();
  const [agent] = await world.enrol(1, { labels: { env: 'prod' } });
  await tell([agent!], 'enrolled', 'connected');
  await vi.waitFor(() => expect(world.sentTo(agent!)).toEqual([stable]));
  expect((await world.configs.fleets.find('prod'))?.agents).toBe(1);
  await world.report([agent!], stable, reported.failed, 'no');
  await tell([agent!], 'configStatus');
  await vi.waitFor(() => expect(world.sentTo(agent!)).toEqual([stable, '']));
  expect(await world.offerCache.desired([agent!])).toEqual([null]);
});

test('what happened while it was down is found at start', async () => {
  const agents = await world.enrol(3, { labels: { env: 'prod' } });
  // Of one kind they would wait for the first to answer.
  for (const agent of agents)
    await world.db.updateTable('agents').set({ type: agent }).where('uid', '=', agent).execute();
  await world.putFleet('prod', 'env=prod');
  await world.offerCache.setDesired([]);
  await start();
  await vi.waitFor(() => expect(world.delivered.flatMap((sent) => sent.agents).toSorted()).toEqual(agents));
  expect(await world.offerCache.isSeeded()).toBe(true);
});

test('an agent that another token took over leaves the fleet that is restricted to the first', async () => {
  const [first, second] = ['0190a0b0-0000-7000-9000-000000000001', '0190a0b0-0000-7000-9000-000000000002'];
  await world.db
    .insertInto('enrollment_tokens')
    .values(
      [first, second].map((id) => ({
        id: id!,
        name: id === first ? 'edge' : 'core',
        secret_hash: Buffer.from(id!),
        labels: '{}',
        created_by: 'test',
      })),
    )
    .execute();
  const [agent] = await world.enrol(1);
  const belongsTo = (token: string) =>
    world.db.updateTable('agent_states').set({ enrollment_token_id: token }).execute();
  const fleet = async () =>
    (await world.db.selectFrom('fleet_members').select('fleet').where('uid', '=', agent!).execute())[0]
      ?.fleet;
  await belongsTo(first!);
  await world.inTransaction((tx) =>
    world.configs.fleets.put(tx, 'test', { name: 'edge', selector: '', tokens: ['edge'] }),
  );
  expect(await fleet()).toBe('edge');
  await start();
  await belongsTo(second!);
  await tell([agent!], 'connected');
  await vi.waitFor(async () => expect(await fleet()).toBeUndefined());
});
