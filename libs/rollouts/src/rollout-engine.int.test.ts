import type { AgentId } from '@muster/agents/agent-id';
import { reported } from '@muster/configs/test-world.postgres';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createRolloutWorld, type RolloutWorld } from './test-rollouts.setup.ts';

const second = 1000;

let world: RolloutWorld['world'];
let queue: RolloutWorld['queue'];
let rollouts: RolloutWorld['rollouts'];
let engine: RolloutWorld['engine'];
let agents: AgentId[];
let v1: string;
let v2: string;
let start: RolloutWorld['start'];
let ask: RolloutWorld['ask'];
let pass: RolloutWorld['pass'];
let report: RolloutWorld['report'];
let inState: RolloutWorld['inState'];
let kinds: RolloutWorld['kinds'];
let onV1: RolloutWorld['fleetOnV1'];

beforeEach(async () => {
  const made = await createRolloutWorld();
  ({ world, queue, rollouts, engine, v1, v2, start, ask, pass, report, inState, kinds } = made);
  onV1 = made.fleetOnV1;
});

afterEach(() => world.close());

async function fleetOnV1(count: number, policy: Record<string, unknown> = {}): Promise<void> {
  agents = await onV1(count, policy);
}

async function statusOf(agent: AgentId) {
  return (await world.configs.agentConfigurations.many([agent])).get(agent);
}

const fast = { waves: ['1', '10%', '100%'], soakSeconds: 0 };

describe('forward', () => {
  test('goes wave by wave to the end and makes the version the stable one', async () => {
    await fleetOnV1(30, { waves: ['1', '10%', '100%'], soakSeconds: 10 });
    const id = await start(2);
    expect(await rollouts.find(id)).toMatchObject({
      state: 'running',
      waves: [{ size: 1 }, { size: 2 }, { size: 27 }],
      counts: { waiting: 30 },
    });
    for (const reach of [1, 3, 30]) {
      await pass(100);
      expect(await inState(id, 'offered')).toHaveLength(reach - (await inState(id, 'applied')).length);
      expect(world.delivered.flatMap((sent) => sent.agents)).toHaveLength(reach);
      await report(await inState(id, 'offered'), v2, reported.applying);
      await report(await inState(id, 'offered'), v2, reported.applied);
      expect((await rollouts.find(id))?.state).toBe('running');
      await pass(9 * second);
      expect(world.delivered.flatMap((sent) => sent.agents)).toHaveLength(reach);
      await pass(second);
    }
    expect(await rollouts.find(id)).toMatchObject({ state: 'completed', counts: { applied: 30 }, wave: 2 });
    expect(await world.configs.fleets.find('edge')).toMatchObject({
      configuration: 'edge',
      version: 2,
      counts: { applied: 30 },
    });
    const wave = 'waveStarted offered waveSettled';
    expect((await kinds(id)).join(' ')).toBe(
      `started ${wave} wavePassed ${wave} wavePassed ${wave} completed`,
    );
    const events = await rollouts.events(id);
    expect(events.filter(({ kind }) => kind === 'offered').map(({ detail }) => detail)).toMatchObject([
      { wave: 0, agents: 1, portions: 1 },
      { wave: 1, agents: 2 },
      { wave: 2, agents: 27 },
    ]);
    expect(events.find(({ kind }) => kind === 'wavePassed')).toMatchObject({
      detail: {
        cohorts: [{ applied: 1 }],
        limits: { maxFailed: '0', maxUnhealthy: '2%', maxDisconnected: '2%', maxNotConverged: null },
      },
    });
    // One message for each wave's gateway and config.
    expect(world.delivered.map((sent) => sent.agents.length)).toEqual([1, 2, 27]);
    expect(world.delivered.every((sent) => sent.hash === v2)).toBe(true);
  });

  test('a fleet without agents completes at once', async () => {
    await world.putFleet('edge', 'role=edge');
    const id = await start(1);
    expect(await rollouts.find(id)).toMatchObject({ state: 'completed', waves: [] });
    expect(await world.configs.fleets.find('edge')).toMatchObject({ configuration: 'edge', version: 1 });
  });

  test('agents that do not accept remote configs take no part', async () => {
    await fleetOnV1(2);
    await world.enrol(3, { labels: { role: 'edge' }, capabilities: 0x1801 });
    await world.putFleet('edge', 'role=edge');
    const id = await start(2);
    expect((await rollouts.find(id))?.counts).toMatchObject({ waiting: 2 });
  });

  test('no more agents a second than the policy says', async () => {
    await fleetOnV1(25);
    const id = await start(2, { waves: ['100%'], perSecond: 10 });
    const offered: number[] = [];
    for (let tick = 0; tick < 4; tick++) {
      await pass(tick === 0 ? 0 : second);
      offered.push((await inState(id, 'offered')).length);
    }
    expect(offered).toEqual([10, 20, 25, 25]);
    expect((await rollouts.events(id)).at(-1)).toMatchObject({
      kind: 'offered',
      detail: { wave: 0, agents: 25, portions: 3, until: expect.any(String) },
    });
  });

  test('a first wave of one is a connected agent', async () => {
    await fleetOnV1(10, fast);
    await world.disconnect(agents.slice(0, 9));
    const id = await start(2);
    await pass(100);
    expect(await inState(id, 'offered')).toEqual([agents[9]]);
  });
});

describe('stops', () => {
  test('at the first failure, pauses, and takes the failed agent back to its last good config', async () => {
    await fleetOnV1(30, fast);
    const id = await start(2);
    await pass(100);
    const [canary] = await inState(id, 'offered');
    await report([canary!], v2, reported.failed, 'cannot bind');
    expect(await rollouts.find(id)).toMatchObject({
      state: 'paused',
      reason: '1 failed in wave 1, maxFailed allows 0',
      counts: { failed: 1, waiting: 29 },
    });
    expect((await rollouts.events(id)).find(({ kind }) => kind === 'breached')).toMatchObject({
      actor: 'system',
      detail: { gate: 'maxFailed', count: 1, allowed: 0, wave: 0 },
    });
    await pass(600 * second);
    expect(world.delivered.map(({ hash, agents: to }) => [hash, to])).toEqual([
      [v2, [canary]],
      [v1, [canary]],
    ]);
    const status = await world.configs.agentConfigurations.many([canary!]);
    expect(status.get(canary!)).toMatchObject({
      status: 'failed',
      error: 'cannot bind',
      target: { version: 2 },
      current: { version: 1 },
    });
  });

  test('in the middle of a wave: agents still waiting are not offered', async () => {
    await fleetOnV1(20);
    const id = await start(2, { waves: ['100%'], perSecond: 5 });
    await pass(0);
    const first = await inState(id, 'offered');
    expect(first).toHaveLength(5);
    await report([first[0]!], v2, reported.failed, 'no');
    await pass(10 * second);
    expect(await rollouts.find(id)).toMatchObject({
      state: 'paused',
      counts: { failed: 1, offered: 4, waiting: 15 },
    });
  });

  test('rolls every touched agent back when the policy says so', async () => {
    await fleetOnV1(10, { ...fast, waves: ['30%', '100%'], onBreach: 'rollback' });
    const id = await start(2);
    await pass(100);
    const [applied, failed, silent] = await inState(id, 'offered');
    await report([applied!], v2, reported.applied);
    await report([failed!], v2, reported.failed, 'no');
    expect((await rollouts.find(id))?.state).toBe('rollingBack');
    expect(world.sentTo(applied!)).toEqual([v2, v1]);
    expect(world.sentTo(failed!).at(-1)).toBe(v1);
    expect(world.sentTo(silent!)).toEqual([v2, v1]);
    await report([applied!, failed!, silent!], v1, reported.applied);
    expect(await rollouts.find(id)).toMatchObject({
      state: 'rolledBack',
      counts: { rolledBack: 3, waiting: 7 },
    });
    expect(new Set(world.delivered.flatMap((sent) => sent.agents)).size).toBe(3);
    expect(await world.configs.fleets.find('edge')).toMatchObject({ version: 1 });
    const status = await world.configs.agentConfigurations.many([failed!]);
    expect(status.get(failed!)).toMatchObject({ status: 'applied', target: { version: 1 } });
  });

  test('a rollback that is not confirmed ends at the deadline and says so', async () => {
    await fleetOnV1(1, { onBreach: 'rollback', applyDeadlineSeconds: 30 });
    const id = await start(2);
    await pass(100);
    await report(agents, v2, reported.applied);
    await ask('rollback', id);
    await pass(29 * second);
    expect((await rollouts.find(id))?.state).toBe('rollingBack');
    await pass(second);
    expect((await rollouts.find(id))?.state).toBe('rolledBack');
    const error = async () => (await rollouts.agents(id, { limit: 10 })).items[0]?.error;
    expect(await error()).toBe('rollback not confirmed in time');
    expect((await rollouts.events(id)).at(-1)).toMatchObject({
      kind: 'rolledBack',
      detail: { confirmed: 0, unconfirmed: 1, refused: 0, hadNothing: 0, gotAnother: 0 },
    });
    // It does in the end.
    await report(agents, v1, reported.applied);
    expect(await error()).toBe('');
  });

  test('a rollback that an agent refuses is not waited for, and says why', async () => {
    await fleetOnV1(1);
    const id = await start(2);
    await pass(100);
    await report(agents, v2, reported.applied);
    await ask('rollback', id);
    await pass(0);
    await report(agents, v1, reported.failed, 'port taken');
    expect((await rollouts.find(id))?.state).toBe('rolledBack');
    expect((await rollouts.agents(id, { limit: 10 })).items[0]?.error).toBe(
      'refused what it had before: port taken',
    );
    expect((await rollouts.events(id)).at(-1)?.detail).toMatchObject({ confirmed: 0, refused: 1 });
  });

  test('a rollback is not over while an offer may still be taken that was on its way', async () => {
    await fleetOnV1(1, { applyDeadlineSeconds: 30 });
    const id = await start(2);
    await pass(100);
    await ask('rollback', id);
    await pass(second);
    // The agent says what it runs; its gateway tells only now that version 2 was sent after that.
    expect((await rollouts.find(id))?.state).toBe('rollingBack');
    const order = (sequence: number, ms: number[]) =>
      Buffer.concat(
        [0, sequence, ...ms].map((number) =>
          Buffer.from(BigInt(number).toString(16).padStart(16, '0'), 'hex'),
        ),
      );
    await world.db
      .updateTable('agent_states')
      .set({
        offered_config_hash: Buffer.from(v2, 'hex'),
        offered_order: order(5, [1]),
        remote_config_status_order: order(4, []),
      })
      .execute();
    await engine.onAgentsChanged(agents);
    await pass(5 * second);
    expect((await rollouts.find(id))?.state).toBe('rollingBack');
    await world.db
      .updateTable('agent_states')
      .set({ remote_config_status_order: order(7, []) })
      .execute();
    await report(agents, v1, reported.applied);
    expect((await rollouts.find(id))?.state).toBe('rolledBack');
  });

  test('agents that had nothing before are told so and offered nothing', async () => {
    agents = await world.enrol(1, { labels: { role: 'edge' } });
    await world.putFleet('edge', 'role=edge');
    const id = await start(1);
    await pass(100);
    await report(agents, v1, reported.applied);
    await ask('rollback', id);
    await pass(0);
    expect((await rollouts.find(id))?.state).toBe('rolledBack');
    expect((await rollouts.agents(id, { limit: 1 })).items[0]?.error).toContain(
      'had no configuration before',
    );
    expect(await statusOf(agents[0]!)).toMatchObject({
      status: 'none',
      target: null,
      current: { version: 1 },
    });
    expect(world.sentTo(agents[0]!)).toEqual([v1, '']);
    expect(await world.offerCache.desired(agents)).toEqual([null]);
  });

  test('an agent that does not answer in time has failed', async () => {
    await fleetOnV1(3, { ...fast, applyDeadlineSeconds: 60 });
    const id = await start(2);
    await pass(59 * second);
    expect((await rollouts.find(id))?.state).toBe('running');
    await pass(2 * second);
    expect(await rollouts.find(id)).toMatchObject({ state: 'paused', counts: { failed: 1 } });
    const [failed] = (await rollouts.agents(id, { limit: 1 })).items;
    expect(failed).toMatchObject({ state: 'failed', error: 'no answer within 60 s' });
    expect(world.sentTo(failed!.uid)).toEqual([v2, v1]);
    const status = await world.configs.agentConfigurations.many([failed!.uid]);
    expect(status.get(failed!.uid)).toMatchObject({ status: 'failed', error: 'no answer within 60 s' });
  });

  test('a config that could not be sent has failed', async () => {
    await fleetOnV1(1, fast);
    const id = await start(2);
    await pass(100);
    await world.db
      .updateTable('agent_states')
      .set({
        offered_config_hash: Buffer.from(v2, 'hex'),
        offer_error: 'larger than the limit',
        offered_at: new Date(world.clock.now),
      })
      .execute();
    await engine.onAgentsChanged(agents);
    await pass(100);
    expect((await rollouts.agents(id, { limit: 1 })).items[0]).toMatchObject({
      state: 'failed',
      error: 'larger than the limit',
    });
  });

  test('unhealthy agents stop it while it soaks', async () => {
    await fleetOnV1(10, { waves: ['20%', '100%'], soakSeconds: 60, maxUnhealthy: '1' });
    const id = await start(2);
    await pass(100);
    const wave = await inState(id, 'offered');
    await report(wave, v2, reported.applied);
    await world.reportHealth(wave.slice(0, 1), false);
    await engine.onAgentsChanged(wave);
    await pass(100);
    expect((await rollouts.find(id))?.waves[0]?.state).toBe('soaking');
    await world.reportHealth(wave, false);
    await engine.onAgentsChanged(wave);
    await pass(100);
    expect(await rollouts.find(id)).toMatchObject({
      state: 'paused',
      reason: '2 unhealthy in wave 1, maxUnhealthy allows 1',
    });
  });

  test('one unhealthy agent stops it where nobody says otherwise, but not one that was so before', async () => {
    await fleetOnV1(10);
    await world.reportHealth(agents.slice(0, 5), false);
    const id = await start(2, { waves: ['100%'], soakSeconds: 60 });
    await pass(100);
    await report(agents, v2, reported.applied);
    expect((await rollouts.find(id))?.waves[0]?.state).toBe('soaking');
    await world.reportHealth(agents.slice(5, 6), false);
    await engine.onAgentsChanged(agents);
    await pass(100);
    expect(await rollouts.find(id)).toMatchObject({
      state: 'paused',
      reason: '1 unhealthy in wave 1, maxUnhealthy allows 0',
    });
  });
});

describe('offline agents', () => {
  test('hold nothing, and get their turn when they come back', async () => {
    await fleetOnV1(10, fast);
    const away = agents.slice(0, 2);
    await world.disconnect(away);
    const id = await start(2);
    await pass(100);
    await report(await inState(id, 'offered'), v2, reported.applied);
    await report((await inState(id, 'offered')).slice(1), v2, reported.applied);
    expect(await rollouts.find(id)).toMatchObject({
      state: 'running',
      counts: { applied: 7, offered: 1, deferred: 2 },
    });
    expect(await statusOf(away[0]!)).toMatchObject({ status: 'deferred', current: { version: 1 } });
    await world.connect([away[0]!]);
    await engine.onAgentsChanged([away[0]!]);
    await pass(100);
    expect(await inState(id, 'offered')).toContain(away[0]);
    await report(await inState(id, 'offered'), v2, reported.applied);
    expect(await rollouts.find(id)).toMatchObject({
      state: 'completed',
      counts: { applied: 9, deferred: 1 },
    });
    expect(await statusOf(away[1]!)).toMatchObject({ status: 'deferred' });
    // Who is still away gets its turn from the rollout, not from convergence.
    await world.connect([away[1]!]);
    await world.configs.convergence.consider([away[1]!]);
    await world.configs.convergence.advance();
    expect(world.sentTo(away[1]!)).toEqual([]);
    await engine.onAgentsChanged([away[1]!]);
    await pass(100);
    expect(world.sentTo(away[1]!)).toEqual([v2]);
  });

  test('an agent that left the fleet is not offered', async () => {
    await fleetOnV1(3, fast);
    const id = await start(2);
    await world.putFleet('other', 'role=edge', { priority: 5 });
    await pass(100);
    expect(await rollouts.find(id)).toMatchObject({
      state: 'paused',
      reason: 'no agent has applied it',
      counts: { deferred: 3 },
    });
    expect(world.delivered).toEqual([]);
  });
});

describe('people', () => {
  test('pause stops offering, resume goes on', async () => {
    await fleetOnV1(10, fast);
    const id = await start(2);
    await pass(100);
    expect((await ask('pause', id)).state).toBe('paused');
    await report(await inState(id, 'offered'), v2, reported.applied);
    await pass(600 * second);
    expect(world.delivered).toHaveLength(1);
    expect((await ask('resume', id)).state).toBe('running');
    await pass(100);
    expect(world.delivered.length).toBeGreaterThan(1);
    expect(await kinds(id)).toEqual(expect.arrayContaining(['paused', 'resumed']));
  });

  test('resume after a breach accepts what failed, and the next failure stops it again', async () => {
    await fleetOnV1(10, { ...fast, waves: ['3', '100%'] });
    const id = await start(2);
    await pass(100);
    const wave = await inState(id, 'offered');
    await report([wave[0]!], v2, reported.failed, 'no');
    expect((await rollouts.find(id))?.state).toBe('paused');
    await ask('resume', id);
    await report([wave[1]!], v2, reported.applied);
    expect((await rollouts.find(id))?.state).toBe('running');
    await report([wave[2]!], v2, reported.failed, 'no');
    expect((await rollouts.find(id))?.state).toBe('paused');
    await ask('resume', id);
    await pass(100);
    expect(await rollouts.find(id)).toMatchObject({ state: 'running', wave: 1 });
  });

  test('resume after a pause by hand overrules no gate', async () => {
    await fleetOnV1(10, { ...fast, waves: ['3', '100%'] });
    const id = await start(2);
    await pass(100);
    await ask('pause', id);
    const wave = await inState(id, 'offered');
    await report(wave, v2, reported.failed, 'no');
    await ask('resume', id);
    await pass(100);
    expect(await rollouts.find(id)).toMatchObject({
      state: 'paused',
      reason: '3 failed in wave 1, maxFailed allows 0',
    });
    expect((await rollouts.events(id)).findLast(({ kind }) => kind === 'resumed')).toMatchObject({
      detail: { accepted: [] },
    });
    // Now that a person has been shown it.
    await ask('resume', id);
    await pass(100);
    expect(await rollouts.find(id)).toMatchObject({ state: 'running', wave: 1 });
  });

  test('abort leaves every agent as it is, and convergence does too', async () => {
    await fleetOnV1(10, fast);
    const id = await start(2);
    await pass(100);
    const [canary] = await inState(id, 'offered');
    await report([canary!], v2, reported.applied);
    await ask('abort', id);
    world.delivered.length = 0;
    await pass(600 * second);
    await world.configs.convergence.sweep();
    await world.configs.convergence.advance();
    expect(world.delivered).toEqual([]);
    expect(await world.configs.fleets.find('edge')).toMatchObject({ version: 1 });
  });

  test('a newer rollout replaces the one under way', async () => {
    await fleetOnV1(10, fast);
    const v3 = await world.version('edge', 'three');
    const older = await start(2);
    await pass(100);
    const [canary] = await inState(older, 'offered');
    const newer = await start(v3.version, { waves: ['100%'] });
    await pass(100);
    expect((await rollouts.find(older))?.state).toBe('replaced');
    expect((await rollouts.events(older)).at(-1)).toMatchObject({
      kind: 'replaced',
      actor: 'alice',
      detail: { by: newer, reason: 'replaced by a newer rollout of alice' },
    });
    expect((await rollouts.activeOf('edge'))?.id).toBe(newer);
    expect(world.sentTo(canary!)).toEqual([v2, v3.hash]);
    await report([canary!], v3.hash, reported.failed, 'no');
    expect(world.sentTo(canary!)).toEqual([v2, v3.hash, v1]);
  });

  test.each([
    ['pause', 'paused'],
    ['resume', 'running'],
    ['rollback', 'rolledBack'],
    ['abort', 'aborted'],
  ] as const)('%s of a rollout that is %s is refused', async (action, state) => {
    await fleetOnV1(1, fast);
    const id = await start(2);
    if (state === 'paused') await ask('pause', id);
    if (state === 'rolledBack') await ask('rollback', id);
    if (state === 'aborted') await ask('abort', id);
    await pass(0);
    await expect(ask(action, id)).rejects.toMatchObject({ code: 'rollout-state-conflict' });
  });

  test('what is not there is named', async () => {
    await world.putFleet('edge', 'role=edge');
    const unknown = '01900000-0000-7000-8000-000000000000';
    await expect(ask('pause', unknown)).rejects.toMatchObject({ code: 'unknown-rollout' });
    await expect(ask('pause', 'nonsense')).rejects.toMatchObject({ code: 'unknown-rollout' });
    await expect(start(9)).rejects.toMatchObject({ code: 'unknown-configuration-version', field: 'version' });
    await expect(start(1, { waves: [] })).rejects.toMatchObject({ field: 'policy.waves' });
    const input = { fleet: 'nowhere', configuration: 'edge', version: 1 };
    await expect(world.inTransaction((tx) => rollouts.start(tx, 'a', input))).rejects.toMatchObject({
      code: 'unknown-fleet',
    });
  });
});

describe('how agents stood', () => {
  const wholeFleet = { waves: ['100%'], soakSeconds: 0 };

  test('is kept when a rollout is replaced or aborted in the middle of a wave', async () => {
    await fleetOnV1(4, wholeFleet);
    const v3 = await world.version('edge', 'three');
    const older = await start(2);
    await pass(100);
    await report([agents[0]!], v2, reported.applied);
    const newer = await start(v3.version);
    await pass(100);
    await report(agents.slice(0, 3), v3.hash, reported.applied);
    await ask('abort', newer);
    await world.report(agents, v1, reported.applied);
    expect((await rollouts.find(older))?.counts).toMatchObject({ applied: 1, offered: 3, waiting: 0 });
    expect((await rollouts.find(newer))?.counts).toMatchObject({ applied: 3, offered: 1, waiting: 0 });
  });

  test('is kept when agents run something newer', async () => {
    await fleetOnV1(3, wholeFleet);
    const v3 = await world.version('edge', 'three');
    const older = await start(2);
    await pass(100);
    await report(agents, v2, reported.applied);
    await start(v3.version);
    await pass(100);
    await report(agents, v3.hash, reported.applied);
    expect(await rollouts.find(older)).toMatchObject({ state: 'completed', counts: { applied: 3 } });
    for (const agent of (await rollouts.agents(older, { limit: 10 })).items) {
      expect(agent).toMatchObject({
        state: 'applied',
        offeredAt: expect.any(Date),
        settledAt: expect.any(Date),
      });
    }
  });

  test('is forgotten with the fleet', async () => {
    await fleetOnV1(2, wholeFleet);
    await start(2);
    await pass(100);
    await report(agents, v2, reported.applied);
    await world.inTransaction((tx) => world.configs.fleets.delete(tx, 'alice', 'edge'));
    expect(await world.db.selectFrom('rollout_agents').selectAll().execute()).toEqual([]);
  });

  test('costs a row for each agent when it is planned, and none while all goes well', async () => {
    await fleetOnV1(5, wholeFleet);
    const id = await start(2);
    const rows = () =>
      world.db.selectFrom('rollout_agents').selectAll().where('rollout_id', '=', id).orderBy('uid').execute();
    const planned = await rows();
    await pass(100);
    await report(agents, v2, reported.applied);
    expect(await rollouts.find(id)).toMatchObject({ state: 'completed', counts: { applied: 5 } });
    expect(await rows()).toEqual(planned);
  });
});

describe('a bad version', () => {
  test('is never offered again after FAILED, though the agent says APPLIED for the old one then', async () => {
    await fleetOnV1(2, { ...fast, waves: ['1', '100%'] });
    const id = await start(2);
    await pass(100);
    const [bad] = await inState(id, 'offered');
    await report([bad!], v2, reported.failed, 'no');
    await report([bad!], v1, reported.applied);
    await ask('resume', id);
    for (let i = 0; i < 3; i++) {
      await pass(10 * second);
      await report(
        (await inState(id, 'offered')).filter((agent) => agent !== bad),
        v2,
        reported.applied,
      );
    }
    expect((await rollouts.find(id))?.state).toBe('completed');
    // Not by convergence, not by reconnecting, not by a new rollout of the same version.
    await world.disconnect([bad!]);
    await world.connect([bad!]);
    await world.configs.convergence.consider([bad!]);
    await world.configs.convergence.sweep();
    await world.configs.convergence.advance();
    const again = await start(2);
    await pass(600 * second);
    expect(await inState(again, 'quarantined')).toEqual([bad]);
    expect(world.sentTo(bad!)).toEqual([v2, v1]);
    expect(await world.offerCache.desired([bad!])).toEqual([v1]);
  });
});

describe('whatever happens to processes and events', () => {
  test('killed between commit and delivery: the sweep delivers, once', async () => {
    await fleetOnV1(3, { waves: ['100%'] });
    const id = await start(2);
    await world.inTransaction(async (tx) => {
      const dying = { db: tx.db, afterCommit: () => {} };
      const hash = v2;
      await world.configs.desiredState.setTargets(
        dying,
        agents.map((agent) => ({ agent, configuration: 'edge', version: 2, hash, rolloutId: id })),
      );
    });
    expect(world.delivered).toEqual([]);
    await world.configs.offers.deliverUndelivered(0);
    await world.configs.offers.deliverUndelivered(0);
    expect(world.delivered).toEqual([{ gateway: 'gateway-1', hash: v2, agents }]);
    expect(await world.offerCache.desired(agents)).toEqual([v2, v2, v2]);
  });

  test('events lost: the clock alone finds what was reported', async () => {
    await fleetOnV1(1, { ...fast, applyDeadlineSeconds: 60 });
    const id = await start(2);
    await pass(100);
    await world.report(agents, v2, reported.applied);
    await pass(61 * second);
    expect(await rollouts.find(id)).toMatchObject({ state: 'completed', counts: { applied: 1 } });
  });

  test('the clock lost: reseed brings every rollout back', async () => {
    await fleetOnV1(1, fast);
    const id = await start(2);
    queue.due.clear();
    await pass(600 * second);
    expect(world.delivered).toEqual([]);
    await engine.reseed();
    await pass(0);
    expect(await inState(id, 'offered')).toEqual(agents);
  });

  test('many looks at once and repeated events offer nothing twice', async () => {
    await fleetOnV1(20, fast);
    const id = await start(2);
    for (let wave = 0; wave < 3; wave++) {
      await Promise.all(Array.from({ length: 4 }, () => engine.advance(id)));
      const offered = await inState(id, 'offered');
      await world.report(offered, v2, reported.applied);
      for (const agent of offered.toReversed()) await engine.onAgentsChanged([agent, agent]);
      await Promise.all(Array.from({ length: 4 }, () => engine.advance(id)));
    }
    expect(await rollouts.find(id)).toMatchObject({ state: 'completed', counts: { applied: 20 } });
    for (const agent of agents) expect(world.sentTo(agent)).toEqual([v2]);
    expect((await kinds(id)).filter((kind) => kind === 'waveStarted')).toHaveLength(3);
  });
});
