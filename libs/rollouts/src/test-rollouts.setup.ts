import type { AgentId } from '@muster/agents/agent-id';
import { createTestWorld, reported } from '@muster/configs/test-world.postgres';
import { silentLog } from '@muster/platform/log';
import type { BatchQueue } from './batch-queue.ts';
import type { RolloutInput } from './rollout-service.ts';
import { wireRollouts } from './wire.ts';

/** A clock that the test looks at and moves itself. */
class HandClock implements BatchQueue {
  readonly due = new Map<string, number>();

  async schedule(id: string, at: number): Promise<void> {
    this.due.set(id, Math.min(at, this.due.get(id) ?? Infinity));
  }

  async work(): Promise<void> {}

  async close(): Promise<void> {}
}

export type RolloutWorld = Awaited<ReturnType<typeof createRolloutWorld>>;

/** For tests: a world with rollouts, a configuration `edge` of two versions, and people and agents that act. */
export async function createRolloutWorld() {
  const world = await createTestWorld();
  const queue = new HandClock();
  const now = () => world.clock.now;
  const { db, configs } = world;
  const { rollouts, blastRadii, engine } = wireRollouts({ db, configs, queue, log: silentLog, now });

  /** Lets time pass, and the engine look whenever its clock says so. */
  async function pass(ms: number): Promise<void> {
    const end = world.clock.now + ms;
    for (;;) {
      const [id, at] = [...queue.due].toSorted((a, b) => a[1] - b[1])[0] ?? [];
      if (id === undefined || at === undefined || at > end) break;
      queue.due.delete(id);
      world.clock.now = Math.max(world.clock.now, at);
      await engine.advance(id);
    }
    world.clock.now = end;
  }

  async function start(
    version: number,
    policy?: Record<string, unknown>,
    rest: Partial<RolloutInput> = {},
  ): Promise<string> {
    const input = { fleet: 'edge', configuration: 'edge', version, ...(policy && { policy }), ...rest };
    const { id } = await world.inTransaction((tx) => rollouts.start(tx, 'alice', input));
    return id;
  }

  async function agentsWith(hash: string): Promise<AgentId[]> {
    const rows = await db
      .selectFrom('agent_configurations')
      .select('uid')
      .where('desired_hash', '=', Buffer.from(hash, 'hex'))
      .execute();
    return rows.map(({ uid }) => uid as AgentId);
  }

  const v1 = await world.configuration('edge', 'one');
  const v2 = (await world.version('edge', 'two')).hash;
  return {
    world,
    queue,
    rollouts,
    blastRadii,
    engine,
    /** Rendered hashes of versions 1 and 2 of the configuration `edge`. */
    v1,
    v2,
    start,
    pass,

    /** A fleet of connected agents that all run version 1. */
    async fleetOnV1(count: number, policy: Record<string, unknown> = {}): Promise<AgentId[]> {
      await world.putFleet('edge', 'role=edge', { policy: { ...policy, windows: [] } });
      await start(1);
      const agents = await world.enrol(count, { labels: { role: 'edge' } });
      await world.putFleet('edge', 'role=edge');
      await configs.convergence.sweep();
      while ((await agentsWith(v1)).length < count) {
        await configs.convergence.advance();
        // Each step waits for the answers to the one before.
        await world.report(await agentsWith(v1), v1, reported.applied);
        world.clock.now += 1000;
      }
      world.delivered.length = 0;
      await world.putFleet('edge', 'role=edge', { policy });
      return agents;
    },

    ask(action: 'pause' | 'resume' | 'abort' | 'rollback', id: string) {
      return world.inTransaction((tx) => rollouts[action](tx, 'alice', id));
    },

    /** Agents report, and the engine hears of it. */
    async report(some: readonly AgentId[], hash: string, status: number, error = ''): Promise<void> {
      await world.report(some, hash, status, error);
      await engine.onAgentsChanged(some);
      await pass(100);
    },

    async inState(id: string, state: string): Promise<AgentId[]> {
      const { items } = await rollouts.agents(id, { limit: 1000 });
      return items.filter((agent) => agent.state === state).map(({ uid }) => uid);
    },

    async kinds(id: string): Promise<string[]> {
      return (await rollouts.events(id)).map(({ kind }) => kind);
    },

    /** What these agents say they are. */
    async makeCohort(some: readonly AgentId[], type: string, version = '1', os = 'linux', arch = 'amd64') {
      await db.updateTable('agents').set({ type, version, os, arch }).where('uid', 'in', some).execute();
    },
  };
}
