import type { AgentId } from '@muster/agents/agent-id';
import type { RolloutsTable } from '@muster/db/schema';
import type { Insertable } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
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

/** Agents of the usual kind have the stable version: newcomers of it are held back by the pace alone. */
async function prove(): Promise<void> {
  const agents = await world.enrol(20);
  await world.inTransaction(async (tx) => {
    await world.configs.membership.place(tx, agents);
    await world.configs.desiredState.setTargets(
      tx,
      agents.map((agent) => ({ agent, configuration: 'base', version: 1, hash: stable, rolloutId: null })),
    );
  });
  await world.report(agents, stable, reported.applied);
  world.delivered.length = 0;
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
  await prove();
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
  await prove();
  await come(10);
  await world.configs.convergence.advance();
  expect(given()).toBe(2);
  world.clock.now += 1000;
  await world.configs.convergence.advance();
  expect(given()).toBe(4);
});

test('the sweep finds agents nobody told of', async () => {
  await stableFleet();
  await prove();
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
  await prove();
  const failed = await world.enrol(50);
  await world.report(failed, stable, reported.failed, 'no');
  await world.putFleet('all', '');
  await world.configs.convergence.sweep();
  await come(5);
  for (let i = 0; i < 12; i++) await world.configs.convergence.advance();
  expect(given()).toBe(5);
});

/** Of version 1 of `base` in the fleet `all`. */
async function insertRollout(
  standing: Pick<Insertable<RolloutsTable>, 'state' | 'catching_up' | 'halted'>,
): Promise<string> {
  const id = '01900000-0000-7000-8000-000000000001';
  const rollout = { fleet: 'all', configuration: 'base', version: 1, policy: '{}', wave_count: 1 };
  await world.db
    .insertInto('rollouts')
    .values({ id, ...rollout, created_by: 'test', ...standing })
    .execute();
  return id;
}

test('agents of a rollout under way are left to it', async () => {
  await stableFleet();
  const agents = await world.enrol(2);
  await world.putFleet('all', '');
  const id = await insertRollout({ state: 'paused' });
  await world.db
    .insertInto('rollout_agents')
    .values({ rollout_id: id, uid: agents[0]!, wave: 0, hash: Buffer.from(stable, 'hex') })
    .execute();
  await world.configs.convergence.sweep();
  await world.configs.convergence.advance();
  expect(world.delivered.flatMap((sent) => sent.agents)).toEqual([agents[1]]);
});

describe('a kind of which nobody has the version', () => {
  const kind = { type: 'otelcol', version: '2', os: 'linux', arch: 'arm64' };

  async function comeOfKind(count: number): Promise<AgentId[]> {
    const agents = await world.enrol(count);
    await world.db.updateTable('agents').set(kind).where('uid', 'in', agents).execute();
    await world.inTransaction((tx) => world.configs.membership.place(tx, agents));
    await world.configs.convergence.consider(agents);
    return agents;
  }

  /** Lets convergence go on, and answers the agents that it has given the version in that time. */
  async function pass(seconds: number): Promise<AgentId[]> {
    world.delivered.length = 0;
    for (let part = 0; part < seconds; part++) {
      world.clock.now += 1000;
      await world.configs.convergence.sweep();
      await world.configs.convergence.advance();
    }
    return world.delivered.filter(({ hash }) => hash === stable).flatMap(({ agents }) => agents);
  }

  async function quarantines() {
    return (await world.configs.quarantines.page({ lifted: false, limit: 20 })).items.filter(
      ({ scope }) => scope === 'cohort',
    );
  }

  /** At the time of the test. */
  async function lift(id: string): Promise<void> {
    await world.inTransaction((tx) => world.configs.quarantines.lift(tx, 'alice', id));
    await world.db
      .updateTable('cohort_quarantines')
      .set({ lifted_at: new Date(world.clock.now) })
      .execute();
  }

  async function failOneByOne(): Promise<AgentId[]> {
    const failed: AgentId[] = [];
    for (let next = await pass(1); next.length > 0; next = await pass(1)) {
      await world.report(next, stable, reported.failed, 'cannot bind');
      await world.inTransaction((tx) => world.configs.desiredState.fallBackFailed(tx, next));
      failed.push(...next);
    }
    return failed;
  }

  test('is given it one first, then more as they confirm', async () => {
    await stableFleet();
    await prove();
    await comeOfKind(50);
    const steps: number[] = [];
    for (let step = 0; step < 6; step++) {
      const agents = await pass(3);
      steps.push(agents.length);
      await world.report(agents, stable, reported.applied);
    }
    expect(steps).toEqual([1, 2, 4, 8, 16, 19]);
  });

  test('is stopped when three have failed it; others go on, and a person can lift that', async () => {
    await stableFleet();
    await prove();
    await comeOfKind(10);
    expect(await failOneByOne()).toHaveLength(3);
    const [quarantine, ...rest] = await quarantines();
    expect(rest).toEqual([]);
    expect(quarantine).toMatchObject({
      cohort: kind,
      fleet: 'all',
      versions: [{ configuration: 'base', version: 1 }],
      reason: expect.stringContaining('3 agents that were brought to their fleet’s version failed it'),
    });
    expect(quarantine!.reason).toContain('cannot bind');
    const others = await come(2);
    expect((await pass(1)).toSorted()).toEqual(others);
    await lift(quarantine!.id);
    const again = await pass(3);
    expect(again).toHaveLength(1);
    await world.report(again, stable, reported.applied);
    expect(await pass(3)).toHaveLength(2);
    expect(await quarantines()).toEqual([]);
  });

  test('is stopped again after a quarantine was lifted too early', async () => {
    await stableFleet();
    await comeOfKind(10);
    await failOneByOne();
    const [first] = await quarantines();
    await lift(first!.id);
    expect(await failOneByOne()).toHaveLength(3);
    expect(await quarantines()).toHaveLength(1);
  });

  test('is stopped when three have not answered in time', async () => {
    await stableFleet({ applyDeadlineSeconds: 10 });
    await comeOfKind(10);
    for (let turn = 0; turn < 3; turn++) {
      const agents = await pass(5);
      expect(agents).toHaveLength(1);
      await world.db
        .updateTable('agent_states')
        .set({
          offered_config_hash: Buffer.from(stable, 'hex'),
          offered_at: new Date(world.clock.now),
          offer_error: '',
        })
        .where('uid', 'in', agents)
        .execute();
      expect(await pass(9)).toEqual([]);
    }
    expect(await pass(20)).toEqual([]);
    expect(await quarantines()).toMatchObject([{ reason: expect.stringContaining('did not answer') }]);
  });

  test('leaves quarantine when those that had not answered in time do', async () => {
    await stableFleet({ applyDeadlineSeconds: 10 });
    await comeOfKind(10);
    const late: AgentId[] = [];
    for (let turn = 0; turn < 3; turn++) {
      const got = await pass(5);
      late.push(...got);
      const offered_config_hash = Buffer.from(stable, 'hex');
      await world.db
        .updateTable('agent_states')
        .set({ offered_config_hash, offered_at: new Date(world.clock.now), offer_error: '' })
        .where('uid', 'in', got)
        .execute();
      await pass(9);
    }
    await pass(20);
    expect(await quarantines()).toHaveLength(1);
    await world.report(late.slice(0, 1), stable, reported.applying);
    await world.configs.convergence.hear(late.slice(0, 1));
    expect(await quarantines()).toHaveLength(1);
    await world.report(late.slice(1), stable, reported.applied);
    await world.configs.convergence.hear(late.slice(1));
    expect(await quarantines()).toEqual([]);
    expect((await world.configs.quarantines.page({ lifted: true, limit: 5 })).items).toMatchObject([
      { scope: 'cohort', liftedBy: 'system' },
    ]);
    expect(await pass(5)).not.toEqual([]);
  });

  test('is not waited for where its agents never say what became of an offer', async () => {
    await stableFleet();
    const agents = await world.enrol(4, { capabilities: 0x803 });
    await world.putFleet('all', '');
    expect((await pass(5)).toSorted()).toEqual(agents);
  });
});

test('nobody is given the version of a rollout that was halted while it caught up', async () => {
  await stableFleet();
  await insertRollout({ state: 'completed', catching_up: true, halted: true });
  const agents = await come(1);
  await world.configs.convergence.sweep();
  await world.configs.convergence.advance();
  expect(given()).toBe(0);
  await world.db.updateTable('rollouts').set({ halted: false }).execute();
  await world.configs.convergence.sweep();
  await world.configs.convergence.advance();
  expect(world.delivered.flatMap((sent) => sent.agents)).toEqual(agents);
});
