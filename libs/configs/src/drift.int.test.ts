import { randomUUID } from 'node:crypto';
import type { AgentId } from '@muster/agents/agent-id';
import { agentIdsFromBytes } from '@muster/agents/agent-id';
import { agentCapability } from '@muster/opamp/capabilities';
import { EffectiveConfig } from '@muster/opamp/opamp';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Drift } from './drift.ts';
import { createTestWorld, reported, type TestWorld } from './test-world.postgres.ts';

const restartable = 0x1803 | agentCapability.AcceptsRestartCommand;
const foreign = 'ab'.repeat(32);

let world: TestWorld;
let stable: string;
let restarts: AgentId[];

beforeEach(async () => {
  world = await createTestWorld();
  stable = await world.configuration('base');
  await world.putFleet('prod', 'env=prod');
  await world.db.updateTable('fleets').set({ configuration: 'base', version: 1 }).execute();
  restarts = [];
  const deliver = world.delivery.deliver.bind(world.delivery);
  world.delivery.deliver = (gateway, order) => {
    if (order.kind === 'restart') restarts.push(...agentIdsFromBytes(order.instanceUids));
    return deliver(gateway, order);
  };
});
afterEach(() => world.close());

const turn = () => world.configs.driftReconciler.turn();
const driftOf = (agent: AgentId): Promise<Drift | null> => world.configs.drifts.find(agent);
const later = (seconds: number) => void (world.clock.now += seconds * 1000);

/** A member of the fleet with its stable version as target, long connected. */
async function member(capabilities = restartable): Promise<AgentId> {
  const [agent] = await world.enrol(1, { labels: { env: 'prod' }, capabilities });
  await world.inTransaction(async (tx) => {
    await world.configs.membership.place(tx, [agent!]);
    await world.configs.desiredState.setTargets(tx, [
      { agent: agent!, configuration: 'base', version: 1, hash: stable, rolloutId: null },
    ]);
  });
  await sql`update agent_states set connected_at = ${new Date(world.clock.now - 3_600_000)}`.execute(
    world.db,
  );
  world.delivered.length = 0;
  return agent!;
}

async function wasOffered(agent: AgentId, secondsAgo: number): Promise<void> {
  await sql`
    update agent_states set offered_config_hash = ${Buffer.from(stable, 'hex')}, offer_error = '',
      offered_at = ${new Date(world.clock.now - secondsAgo * 1000)}
    where uid = ${agent}`.execute(world.db);
}

/** What the agent says it runs. */
async function runs(agent: AgentId, text: string): Promise<void> {
  const body = Buffer.from(
    EffectiveConfig.encode({
      configMap: { configMap: { 'effective.yaml': { body: Buffer.from(text) } } },
    }).finish(),
  );
  const hash = Buffer.from(randomUUID());
  await world.db.insertInto('report_contents').values({ hash, body }).execute();
  await sql`update agent_states set effective_config_hash = ${hash} where uid = ${agent}`.execute(world.db);
}

const asRendered = `receivers: {nop: {}}
exporters: {nop: null, more: {}}
service: {extensions: [opamp], pipelines: {logs: {receivers: [nop], exporters: [nop]}}}
`;

async function rollout(state: string): Promise<string> {
  const id = randomUUID();
  await sql`
    insert into rollouts (id, fleet, configuration, version, policy, state, wave_count, created_by)
    values (${id}, 'prod', 'base', 1, '{}', ${state}, 1, 'test')`.execute(world.db);
  return id;
}

describe('an agent that runs something else than it applied', () => {
  let agent: AgentId;
  beforeEach(async () => {
    agent = await member();
    await world.report([agent], stable, reported.applied);
    later(31);
  });

  test('is not found while it runs what it applied', async () => {
    await runs(agent, asRendered);
    await turn();
    expect(await driftOf(agent)).toBeNull();
    expect(restarts).toEqual([]);
  });

  test('is found, restarted with growing pauses, and given up after two tries', async () => {
    await runs(agent, asRendered.replace('exporters: [nop]', 'exporters: [more]'));
    await turn();
    expect(await driftOf(agent)).toMatchObject({
      kind: 'effective',
      since: new Date(world.clock.now),
      detail: ['service.pipelines.logs.exporters'],
      tries: 1,
      repair: 'pending',
      nextAt: new Date(world.clock.now + 60_000),
    });
    expect(restarts).toEqual([agent]);
    later(59);
    await turn();
    expect(restarts).toHaveLength(1);
    later(1);
    await turn();
    expect(restarts).toHaveLength(2);
    later(119);
    await turn();
    expect(await driftOf(agent)).toMatchObject({ repair: 'pending', tries: 2 });
    later(1);
    await turn();
    expect(await driftOf(agent)).toMatchObject({
      repair: 'notRepaired',
      tries: 2,
      reason: 'tried 2 times to no effect',
      nextAt: null,
    });
    later(100_000);
    await turn();
    expect(restarts).toHaveLength(2);
    expect(world.delivered).toEqual([]);
  });

  test('is forgotten when it runs it again, and compared once for each pair', async () => {
    await runs(agent, 'receivers: {}');
    await turn();
    expect(await driftOf(agent)).not.toBeNull();
    await runs(agent, asRendered);
    await turn();
    expect(await driftOf(agent)).toBeNull();
    await turn();
    const { rows } = await sql<{
      differs: boolean;
    }>`select differs from effective_comparisons order by differs`.execute(world.db);
    expect(rows).toEqual([{ differs: false }, { differs: true }]);
  });

  test('is not found where most of its build make the same of the version', async () => {
    const others = [await member(), await member(), await member()];
    await world.report(others, stable, reported.applied);
    later(31);
    for (const other of [agent, ...others])
      await runs(other, asRendered.replace('exporters: [nop]', 'exporters: []'));
    await turn();
    expect(await world.configs.drifts.page({ limit: 10 })).toEqual([]);
    await runs(agent, asRendered.replace('receivers: [nop]', 'receivers: []'));
    await turn();
    expect((await world.configs.drifts.page({ limit: 10 })).map((drift) => drift.agent)).toEqual([agent]);
    await sql`update agents set version = '2' where uid = ${others[0]}`.execute(world.db);
    await turn();
    expect(await driftOf(others[0]!)).toMatchObject({ kind: 'effective' });
  });

  test('is found where most of its build have the same path edited, each its own way', async () => {
    const others = [await member(), await member(), await member()];
    await world.report(others, stable, reported.applied);
    later(31);
    for (const [index, other] of [agent, ...others].entries())
      await runs(other, asRendered.replace('exporters: [nop]', `exporters: [more, x${index}]`));
    await turn();
    expect(await world.configs.drifts.page({ limit: 10 })).toHaveLength(4);
    expect(await driftOf(agent)).toMatchObject({ detail: ['service.pipelines.logs.exporters'] });
  });

  test('is found where two make the same of the version: too few to tell', async () => {
    const other = await member();
    await world.report([other], stable, reported.applied);
    later(31);
    for (const one of [agent, other])
      await runs(one, asRendered.replace('exporters: [nop]', 'exporters: [more]'));
    await turn();
    expect(await world.configs.drifts.page({ limit: 10 })).toHaveLength(2);
  });

  test('is only shown when it takes no restart', async () => {
    await sql`update agent_states set capabilities = ${0x1803}`.execute(world.db);
    await runs(agent, 'receivers: {}');
    await turn();
    expect(await driftOf(agent)).toMatchObject({
      repair: 'notRepaired',
      tries: 0,
      reason: expect.stringContaining('restart'),
    });
    expect(restarts).toEqual([]);
  });

  test('is not judged by what it ran before it was offered this', async () => {
    await runs(agent, 'receivers: {}');
    const order = (epoch: number, sequence: number, rest: number[] = []) => {
      const bytes = Buffer.alloc(16 + rest.length * 8);
      bytes.writeBigUInt64BE(BigInt(epoch), 0);
      bytes.writeBigUInt64BE(BigInt(sequence), 8);
      return bytes;
    };
    await wasOffered(agent, 40);
    const set = (effective: Buffer) =>
      sql`update agent_states set effective_config_order = ${effective}, offered_order = ${order(2, 5, [0])}`.execute(
        world.db,
      );
    await set(order(2, 4));
    await turn();
    expect(await driftOf(agent)).toBeNull();
    await set(order(2, 5));
    await turn();
    expect(await driftOf(agent)).toMatchObject({ kind: 'effective' });
  });

  test('has some time to send what it runs now', async () => {
    await world.report([agent], stable, reported.applied);
    await runs(agent, 'receivers: {}');
    await turn();
    expect(await driftOf(agent)).toBeNull();
    later(31);
    await turn();
    expect(await driftOf(agent)).not.toBeNull();
  });
});

describe('an agent on nobody’s version', () => {
  test('is offered what it should have, until it has it', async () => {
    const agent = await member();
    await world.report([agent], foreign, reported.applied);
    await turn();
    expect(await driftOf(agent)).toMatchObject({ kind: 'unknown', tries: 1, repair: 'pending' });
    // The gateway forgets the offer it made, and makes it again.
    expect(world.sentTo(agent)).toEqual(['', stable]);
    await world.report([agent], stable, reported.applied);
    await turn();
    expect(await driftOf(agent)).toBeNull();
    const { rows } = await sql`select from undelivered_offers`.execute(world.db);
    expect(rows).toEqual([]);
  });

  test('is given its fleet’s version when it has no target', async () => {
    const [agent] = await world.enrol(1, { labels: { env: 'prod' } });
    await world.inTransaction((tx) => world.configs.membership.place(tx, [agent!]));
    await sql`update agent_states set connected_at = ${new Date(world.clock.now - 119_000)}`.execute(
      world.db,
    );
    await turn();
    expect(await driftOf(agent!)).toBeNull();
    later(2);
    await turn();
    expect(await driftOf(agent!)).toMatchObject({ kind: 'unknown' });
    await world.configs.convergence.advance();
    expect(world.sentTo(agent!)).toEqual([stable]);
  });

  test('is shown where nothing is desired of it; one that takes no configs is none', async () => {
    const [agent, silent] = [...(await world.enrol(1)), ...(await world.enrol(1, { capabilities: 1 }))];
    await world.report([agent!, silent!], foreign, reported.applied);
    await turn();
    expect(await driftOf(agent!)).toMatchObject({
      kind: 'unknown',
      repair: 'notRepaired',
      reason: expect.stringContaining('no fleet'),
    });
    expect(await driftOf(silent!)).toBeNull();
    expect(world.delivered).toEqual([]);
  });

  test('is shown with the version it runs where that was taken back and it had none before', async () => {
    await world.db.updateTable('fleets').set({ configuration: null, version: null }).execute();
    const [agent] = await world.enrol(1, { labels: { env: 'prod' } });
    await world.inTransaction((tx) => world.configs.membership.place(tx, [agent!]));
    const rolloutId = await rollout('rollingBack');
    const target = { agent: agent!, configuration: 'base', version: 1, hash: stable, rolloutId };
    await world.inTransaction((tx) => world.configs.desiredState.setTargets(tx, [target]));
    await world.report([agent!], stable, reported.applied);
    await world.inTransaction((tx) => world.configs.desiredState.revert(tx, rolloutId, [agent!]));
    world.delivered.length = 0;
    await turn();
    expect(await driftOf(agent!)).toBeNull();
    await sql`update rollouts set state = 'rolledBack' where id = ${rolloutId}`.execute(world.db);
    await turn();
    expect(await driftOf(agent!)).toMatchObject({
      kind: 'unknown',
      repair: 'notRepaired',
      reason: 'nothing is desired of the agent, which runs base version 1: it is in no fleet with a version',
    });
    expect(world.delivered).toEqual([]);
  });

  test('is none with a version that was once rendered, nor just after an offer', async () => {
    const agent = await member();
    const { hash } = await world.version('base', 'other');
    await world.report([agent], hash, reported.applied);
    await turn();
    expect(await driftOf(agent)).toBeNull();
    await world.report([agent], foreign, reported.applied);
    await wasOffered(agent, 100);
    await turn();
    expect(await driftOf(agent)).toBeNull();
    later(21);
    await turn();
    expect(await driftOf(agent)).toMatchObject({ kind: 'unknown' });
  });
});

describe('an agent that never confirmed', () => {
  test('is offered it with growing pauses, and given up after five tries', async () => {
    const agent = await member();
    await wasOffered(agent, 121);
    await turn();
    for (const [tries, seconds] of [
      [2, 60],
      [3, 120],
      [4, 240],
      [5, 480],
    ] as const) {
      later(seconds - 1);
      await turn();
      expect(world.sentTo(agent)).toHaveLength(2 * (tries - 1));
      later(1);
      await turn();
      expect(world.sentTo(agent)).toHaveLength(2 * tries);
    }
    later(960);
    await turn();
    expect(await driftOf(agent)).toMatchObject({ repair: 'notRepaired', tries: 5 });
    later(100_000);
    await turn();
    expect(world.sentTo(agent)).toHaveLength(10);
  });

  test('keeps its tries while its gateway tells of each offer, until it answers', async () => {
    const agent = await member();
    await wasOffered(agent, 121);
    for (let tries = 1; tries <= 5; tries++) {
      await turn();
      expect(await driftOf(agent)).toMatchObject({ kind: 'unconfirmed', tries, repair: 'pending' });
      await wasOffered(agent, 0);
      later(60 * 2 ** (tries - 1));
    }
    await turn();
    expect(await driftOf(agent)).toMatchObject({ repair: 'notRepaired', tries: 5 });
    expect(world.sentTo(agent)).toHaveLength(10);
    await world.report([agent], stable, reported.applied);
    await turn();
    expect(await driftOf(agent)).toBeNull();
  });

  describe('and whom a rollout gave up for that', () => {
    let agent: AgentId;
    let next: string;
    beforeEach(async () => {
      agent = await member();
      await world.report([agent], stable, reported.applied);
      ({ hash: next } = await world.version('base', 'next'));
      const target = { agent, configuration: 'base', version: 2, hash: next, rolloutId: randomUUID() };
      await world.inTransaction((tx) => world.configs.desiredState.setTargets(tx, [target]));
      await world.inTransaction((tx) => world.configs.desiredState.fallBack(tx, [agent]));
      await world.db.updateTable('fleets').set({ version: 2 }).execute();
      world.delivered.length = 0;
    });

    test('is offered its target again, once in each try', async () => {
      await turn();
      expect(await driftOf(agent)).toMatchObject({ kind: 'unconfirmed', tries: 1, repair: 'pending' });
      expect(world.sentTo(agent)).toEqual([next]);
      await sql`
        update agent_states set offered_config_hash = ${Buffer.from(next, 'hex')}, offer_error = '',
          offered_at = ${new Date(world.clock.now)} where uid = ${agent}`.execute(world.db);
      later(60);
      await turn();
      expect(await driftOf(agent)).toMatchObject({ kind: 'unconfirmed', tries: 2 });
      expect(world.sentTo(agent)).toEqual([next, '', next]);
      await world.report([agent], next, reported.applied);
      await turn();
      expect(await driftOf(agent)).toBeNull();
    });

    test('is left alone when that counts as a failure', async () => {
      await sql`
        insert into config_failures (uid, hash, error, failed_at)
        values (${agent}, ${Buffer.from(next, 'hex')}, 'no answer within 120 s', now())`.execute(world.db);
      await turn();
      expect(await driftOf(agent)).toBeNull();
      expect(world.delivered).toEqual([]);
    });

    test('is left alone while its fleet wants something else, or a rollout was halted', async () => {
      await world.db.updateTable('fleets').set({ version: 1 }).execute();
      await turn();
      expect(await driftOf(agent)).toBeNull();
      await world.db.updateTable('fleets').set({ version: 2 }).execute();
      const id = await rollout('completed');
      await sql`update rollouts set catching_up = true, halted = true where id = ${id}`.execute(world.db);
      await turn();
      expect(await driftOf(agent)).toBeNull();
      expect(world.delivered).toEqual([]);
    });
  });

  test('is found after its deadline, and offered it again', async () => {
    const agent = await member();
    await world.putFleet('prod', 'env=prod', { policy: { applyDeadlineSeconds: 300 } });
    await wasOffered(agent, 299);
    await turn();
    expect(await driftOf(agent)).toBeNull();
    later(1);
    await turn();
    expect(await driftOf(agent)).toMatchObject({ kind: 'unconfirmed', tries: 1 });
    expect(world.sentTo(agent)).toEqual(['', stable]);
    await world.report([agent], stable, reported.applied);
    await turn();
    expect(await driftOf(agent)).toBeNull();
  });

  test('is none when it answered, is away, or a rollout still waits for it', async () => {
    const agent = await member();
    await wasOffered(agent, 3600);
    await world.disconnect([agent]);
    await turn();
    expect(await driftOf(agent)).toBeNull();
    await world.connect([agent]);
    const id = await rollout('running');
    await turn();
    expect(await driftOf(agent)).toBeNull();
    await sql`update rollouts set state = 'completed' where id = ${id}`.execute(world.db);
    await world.report([agent], stable, reported.failed, 'no');
    await turn();
    expect(await driftOf(agent)).toBeNull();
  });
});

describe('nothing is repaired', () => {
  let agent: AgentId;
  beforeEach(async () => {
    agent = await member();
    await world.report([agent], foreign, reported.applied);
  });

  async function expectForbidden(reason: string): Promise<void> {
    await turn();
    expect(await driftOf(agent)).toMatchObject({
      kind: 'unknown',
      repair: 'forbidden',
      tries: 0,
      reason: expect.stringContaining(reason),
    });
    expect(world.delivered).toEqual([]);
  }

  async function expectRepaired(): Promise<void> {
    later(31);
    await turn();
    expect(await driftOf(agent)).toMatchObject({ repair: 'pending', tries: 1, reason: '' });
    expect(world.sentTo(agent)).toEqual(['', stable]);
  }

  test.each(['running', 'paused', 'rollingBack'])('while a rollout of the fleet is %s', async (state) => {
    const id = await rollout(state);
    await expectForbidden('rollout');
    await sql`update rollouts set state = 'completed' where id = ${id}`.execute(world.db);
    await expectRepaired();
  });

  test('while the agent failed the configuration', async () => {
    await sql`insert into config_failures (uid, hash, error, failed_at) values (${agent}, ${Buffer.from(stable, 'hex')}, 'no', now())`.execute(
      world.db,
    );
    await expectForbidden('quarantine');
    await sql`update config_failures set lifted_at = now()`.execute(world.db);
    await expectRepaired();
  });

  test('while the agent failed other bytes of the same version', async () => {
    const other = Buffer.from('cd'.repeat(32), 'hex');
    await sql`insert into rendered_versions (hash, configuration, version) values (${other}, 'base', 1)`.execute(
      world.db,
    );
    await sql`insert into config_failures (uid, hash, error, failed_at) values (${agent}, ${other}, 'no', now())`.execute(
      world.db,
    );
    await expectForbidden('quarantine');
  });

  test('while the agent is away', async () => {
    await turn();
    world.delivered.length = 0;
    await sql`update agent_drifts set tries = 0, next_at = ${new Date(world.clock.now)}`.execute(world.db);
    await sql`update agent_states set effective_config_hash = ${Buffer.from('x')}, remote_config_hash = ${Buffer.from(stable, 'hex')}`.execute(
      world.db,
    );
    await sql`insert into effective_comparisons (rendered_hash, effective_hash, differs, detail) values (${Buffer.from(stable, 'hex')}, ${Buffer.from('x')}, true, '["a"]')`.execute(
      world.db,
    );
    await world.disconnect([agent]);
    later(31);
    await turn();
    expect(await driftOf(agent)).toMatchObject({
      kind: 'effective',
      repair: 'forbidden',
      tries: 0,
      reason: 'the agent is not connected',
    });
  });

  test('while its cohort is in quarantine', async () => {
    await sql`
      insert into cohort_quarantines
        (id, configuration, version, type, agent_version, os, arch, fleet, rollout_id, reason, made_at)
      select ${randomUUID()}, 'base', 1, type, version, os, arch, 'prod', ${randomUUID()}, 'no', now()
      from agents where uid = ${agent}`.execute(world.db);
    await expectForbidden('quarantine');
    await sql`update cohort_quarantines set lifted_at = now()`.execute(world.db);
    await expectRepaired();
  });

  test('while no window of its fleet is open', async () => {
    const day = new Date(world.clock.now).getUTCDay();
    const [today, other] = [day, (day + 3) % 7].map(
      (n) => ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'][n]!,
    );
    const window = (name: string) => [{ timezone: 'UTC', days: [name], start: '00:00', end: '00:00' }];
    await world.putFleet('prod', 'env=prod', { policy: { windows: window(other!) } });
    await expectForbidden('window');
    await world.putFleet('prod', 'env=prod', { policy: { windows: window(today!) } });
    await expectRepaired();
  });
});

test('pages and counts by kind and fleet', async () => {
  const member1 = await member();
  const stranger = (await world.enrol(1))[0]!;
  await world.report([member1, stranger], foreign, reported.applied);
  await turn();
  const agents = async (query: { kind?: 'unknown' | 'effective'; fleet?: string; after?: AgentId }) =>
    (await world.configs.drifts.page({ limit: 10, ...query })).map((drift) => drift.agent);
  const both = [member1, stranger].toSorted();
  expect(await agents({})).toEqual(both);
  expect(await agents({ after: both[0]! })).toEqual([both[1]]);
  expect(await agents({ fleet: 'prod', kind: 'unknown' })).toEqual([member1]);
  expect(await agents({ kind: 'effective' })).toEqual([]);
  expect(await world.configs.drifts.counts()).toEqual([
    { kind: 'effective', count: 0 },
    { kind: 'unknown', count: 2 },
    { kind: 'unconfirmed', count: 0 },
  ]);
});
