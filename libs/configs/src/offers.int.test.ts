import type { AgentId } from '@muster/agents/agent-id';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTestWorld, reported, type TestWorld } from './test-world.postgres.ts';

let world: TestWorld;
let agents: AgentId[];
let first: string;
let second: string;
beforeEach(async () => {
  world = await createTestWorld();
  agents = await world.enrol(3);
  first = await world.configuration('first');
  second = await world.configuration('second');
});
afterEach(() => world.close());

const rolloutA = '01900000-0000-7000-8000-00000000000a';
const rolloutB = '01900000-0000-7000-8000-00000000000b';

function setTargets(some: readonly AgentId[], configuration: string, rolloutId: string | null = null) {
  const hash = configuration === 'first' ? first : second;
  return world.inTransaction((tx) =>
    world.configs.desiredState.setTargets(
      tx,
      some.map((agent) => ({ agent, configuration, version: 1, hash, rolloutId })),
    ),
  );
}

async function previousOf(agent: AgentId): Promise<string | null> {
  const row = await world.db
    .selectFrom('agent_configurations')
    .selectAll()
    .where('uid', '=', agent)
    .executeTakeFirst();
  return row?.previous_configuration ?? null;
}

async function undelivered(): Promise<number> {
  const rows = await world.db.selectFrom('undelivered_offers').select('agents').execute();
  return rows.flatMap((row) => row.agents).length;
}

describe('delivery', () => {
  test('one message to each gateway that holds agents, none to others; offline agents find it in the cache', async () => {
    await world.openGateway('gateway-2');
    await world.openGateway('gateway-3');
    await world.connect([agents[1]!], 'gateway-2');
    await world.disconnect([agents[2]!]);
    await setTargets(agents, 'first');
    expect(world.delivered.toSorted((a, b) => a.gateway.localeCompare(b.gateway))).toEqual([
      { gateway: 'gateway-1', hash: first, agents: [agents[0]] },
      { gateway: 'gateway-2', hash: first, agents: [agents[1]] },
    ]);
    expect(await world.offerCache.desired(agents)).toEqual([first, first, first]);
    expect(await world.offerCache.remoteConfig(first)).toBeTruthy();
    expect(await undelivered()).toBe(0);
  });

  test('an agent that moved on the way is looked up once more', async () => {
    await world.openGateway('gateway-2');
    const locate = world.presence.locate.bind(world.presence);
    let late = true;
    world.presence.locate = async (some) => {
      const found = await locate(some);
      if (late) await world.connect([agents[0]!], 'gateway-2');
      late = false;
      return found;
    };
    await setTargets(agents, 'first');
    expect(world.sentTo(agents[0]!)).toEqual([first]);
    expect(world.delivered.find(({ gateway }) => gateway === 'gateway-2')?.agents).toEqual([agents[0]]);
    expect(await undelivered()).toBe(0);
  });

  test('what a gateway did not take is delivered by the sweep', async () => {
    await world.connect(agents, 'gone');
    await setTargets(agents, 'first');
    expect(await undelivered()).toBe(3);
    await world.openGateway('gone');
    await world.configs.offers.deliverUndelivered(60_000);
    expect(world.delivered).toEqual([]);
    await world.configs.offers.deliverUndelivered(0);
    await world.configs.offers.deliverUndelivered(0);
    expect(world.delivered).toEqual([{ gateway: 'gone', hash: first, agents }]);
  });

  test('a slow delivery that is overtaken by a newer one does not have the last word', async () => {
    const setDesired = world.offerCache.setDesired.bind(world.offerCache);
    let overtaken = false;
    world.offerCache.setDesired = async (desired) => {
      if (!overtaken) {
        overtaken = true;
        await setTargets(agents, 'second');
      }
      await setDesired(desired);
    };
    await setTargets(agents, 'first');
    expect(await undelivered()).toBe(3);
    await world.configs.offers.deliverUndelivered(0);
    expect(await world.offerCache.desired(agents)).toEqual([second, second, second]);
    expect(world.sentTo(agents[0]!).at(-1)).toBe(second);
    expect(await undelivered()).toBe(0);
  });

  test('the cache is filled again after it was wiped, and gateways are told what they may have missed', async () => {
    await setTargets(agents.slice(0, 2), 'first');
    await world.offerCache.setDesired(agents.map((agent) => ({ agent, hash: null })));
    world.delivered.length = 0;
    await world.configs.offers.seedOfferCache();
    expect(await world.offerCache.desired(agents)).toEqual([first, first, null]);
    expect(world.delivered).toEqual([{ gateway: 'gateway-1', hash: first, agents: agents.slice(0, 2) }]);
    await world.configs.offers.seedOfferCache();
    expect(world.delivered).toHaveLength(1);
  });
});

describe('previous', () => {
  test('is what the agent had confirmed, and stays that while nothing newer is', async () => {
    const [agent] = agents as [AgentId];
    await setTargets([agent], 'first', rolloutA);
    expect(await previousOf(agent)).toBeNull();
    await world.report([agent], first, reported.applied);
    await setTargets([agent], 'second', rolloutB);
    expect(await previousOf(agent)).toBe('first');
    await setTargets([agent], 'first', rolloutA);
    expect(await previousOf(agent)).toBe('first');
  });

  test('is not changed when a rollout sets its own target again', async () => {
    const [agent] = agents as [AgentId];
    await setTargets([agent], 'first', rolloutA);
    await world.report([agent], first, reported.applied);
    await setTargets([agent], 'second', rolloutB);
    await world.report([agent], second, reported.applied);
    await setTargets([agent], 'second', rolloutB);
    expect(await previousOf(agent)).toBe('first');
  });

  test('is never a config that the agent failed', async () => {
    const [agent] = agents as [AgentId];
    await setTargets([agent], 'first');
    await world.report([agent], first, reported.applied);
    await world.report([agent], first, reported.failed, 'later');
    await setTargets([agent], 'second');
    expect(await previousOf(agent)).toBeNull();
  });
});

describe('a config that an agent failed', () => {
  test('is not set as its target', async () => {
    await world.report([agents[0]!], first, reported.failed, 'no');
    expect(await setTargets(agents, 'first')).toEqual(agents.slice(1));
    expect(world.sentTo(agents[0]!)).toEqual([]);
  });

  test('gives way to the one before, whoever had set it; without one, nothing is offered', async () => {
    const [old, fresh] = agents as [AgentId, AgentId];
    await setTargets([old], 'first');
    await world.report([old], first, reported.applied);
    await setTargets([old, fresh], 'second');
    await world.report([old, fresh], second, reported.failed, 'no');
    world.delivered.length = 0;
    for (const some of [[old], null, null]) {
      await world.inTransaction((tx) => world.configs.desiredState.fallBackFailed(tx, some));
    }
    expect(world.sentTo(old)).toEqual([first]);
    expect(world.sentTo(fresh)).toEqual(['']);
    const views = await world.configs.agentConfigurations.many([old, fresh]);
    expect(views.get(old)).toMatchObject({ status: 'failed', error: 'no', current: { name: 'first' } });
    expect(views.get(fresh)).toMatchObject({ status: 'failed', current: null, target: { name: 'second' } });
  });
});

test('configuration.status follows what the agent says', async () => {
  const [agent] = agents as [AgentId];
  const status = async () => (await world.configs.agentConfigurations.many([agent])).get(agent)!;
  const ref = { name: 'first', version: 1, hash: first };
  expect(await status()).toEqual({ status: 'none', current: null, pending: null, target: null, error: null });
  await world.disconnect([agent]);
  await setTargets([agent], 'first');
  expect(await status()).toMatchObject({ status: 'deferred', target: ref, pending: null });
  await world.connect([agent]);
  expect(await status()).toMatchObject({ status: 'offered', pending: ref, current: null });
  await world.report([agent], first, reported.applying);
  expect(await status()).toMatchObject({ status: 'applying', pending: ref });
  await world.report([agent], first, reported.applied);
  expect(await status()).toMatchObject({ status: 'applied', current: ref, pending: null });
  await world.report([agent], first, reported.failed, 'crashed');
  expect(await status()).toMatchObject({ status: 'failed', error: 'crashed' });
  expect(await world.configs.agentConfigurations.statusCounts()).toMatchObject({ failed: 1, none: 2 });
});
