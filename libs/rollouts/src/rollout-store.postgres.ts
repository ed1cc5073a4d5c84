import { sql, type Kysely, type Selectable } from 'kysely';
import type { AgentId } from '@muster/agents/agent-id';
import { parsePolicy, type Policy } from '@muster/configs/policy';
import { binaryArray } from '@muster/db/binary-array';
import type { Database, RolloutsTable } from '@muster/db/schema';
import type { Tx } from '@muster/db/transaction';
import { uuidV7 } from '@muster/db/uuid-v7';
import type { Cohort, CohortState } from './cohort.ts';
import type { EventKind, NewRollout, Progress, RolloutRecord } from './rollout-record.ts';
import { activeStates } from './rollout.ts';

/** Rows of rollouts and of what was decided about them. */
export class RolloutStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /**
   * Locks the fleet, so that no rollout of it starts, acts or ends elsewhere. Whoever locks a rollout too
   * locks its fleet first. Null: no such fleet.
   */
  async lockFleet(tx: Tx, fleet: string): Promise<{ policy: Policy } | null> {
    const row = await tx.db
      .selectFrom('fleets')
      .select('policy')
      .where('name', '=', fleet)
      .forNoKeyUpdate()
      .executeTakeFirst();
    return row ? { policy: parsePolicy(row.policy) } : null;
  }

  /** Locks a rollout and its fleet. */
  async lock(tx: Tx, id: string): Promise<RolloutRecord | null> {
    const found = await tx.db.selectFrom('rollouts').select('fleet').where('id', '=', id).executeTakeFirst();
    if (!found || !(await this.lockFleet(tx, found.fleet))) return null;
    const row = await tx.db
      .selectFrom('rollouts')
      .selectAll()
      .where('id', '=', id)
      .forUpdate()
      .executeTakeFirst();
    return row ? toRecord(row, await this.#cohorts(tx, id)) : null;
  }

  async #cohorts(tx: Tx, id: string): Promise<Cohort[]> {
    const rows = await tx.db
      .selectFrom('rollout_cohorts')
      .selectAll()
      .where('rollout_id', '=', id)
      .orderBy('cohort')
      .execute();
    return rows.map(({ cohort, type, version, os, arch, size, state, reason }) => ({
      cohort,
      traits: type === null ? null : { type, version: version!, os: os!, arch: arch! },
      size,
      state,
      reason,
    }));
  }

  /** The rollout of a fleet that is under way, or that is scheduled. */
  async openOf(tx: Tx, fleet: string, which: 'active' | 'scheduled'): Promise<string | null> {
    const row = await tx.db
      .selectFrom('rollouts')
      .select('id')
      .where('fleet', '=', fleet)
      .where('state', 'in', which === 'active' ? [...activeStates] : ['scheduled'])
      .executeTakeFirst();
    return row?.id ?? null;
  }

  async insert(tx: Tx, rollout: NewRollout): Promise<void> {
    await tx.db
      .insertInto('rollouts')
      .values({
        id: rollout.id,
        fleet: rollout.fleet,
        configuration: rollout.configuration,
        version: rollout.version,
        policy: JSON.stringify(rollout.policy),
        state: rollout.state,
        start_at: rollout.startAt === null ? null : new Date(rollout.startAt),
        wave_count: 0,
        created_by: rollout.createdBy,
      })
      .execute();
  }

  async update(tx: Tx, id: string, progress: Progress): Promise<void> {
    const { accepted, offers, breaches, waveStartedAt, waveSettledAt, finishedAt, ...rest } = progress;
    await tx.db
      .updateTable('rollouts')
      .set({
        ...(rest.state !== undefined && { state: rest.state }),
        ...(rest.reason !== undefined && { reason: rest.reason }),
        ...(rest.waveCount !== undefined && { wave_count: rest.waveCount }),
        ...(rest.catchingUp !== undefined && { catching_up: rest.catchingUp }),
        ...(rest.halted !== undefined && { halted: rest.halted }),
        ...(rest.reverted !== undefined && { reverted: rest.reverted }),
        ...(waveStartedAt !== undefined && { wave_started_at: toDate(waveStartedAt) }),
        ...(waveSettledAt !== undefined && { wave_settled_at: toDate(waveSettledAt) }),
        ...(finishedAt !== undefined && { finished_at: toDate(finishedAt) }),
        ...(accepted && { accepted: JSON.stringify(accepted) }),
        ...(offers && { offers: JSON.stringify(offers) }),
        ...(breaches && { breaches: JSON.stringify(breaches) }),
      })
      .where('id', '=', id)
      .execute();
  }

  /** What it is rendered with from now on: the fleet's variables of this moment. */
  async takeVariables(tx: Tx, id: string): Promise<Record<string, string>> {
    const { rows } = await sql<{ variables: Record<string, string> }>`
      update rollouts r set variables = f.variables from fleets f
      where r.id = ${id} and f.name = r.fleet
      returning r.variables`.execute(tx.db);
    return rows[0]?.variables ?? {};
  }

  /** The next wave is under way, and has not begun. */
  async passWave(tx: Tx, id: string): Promise<void> {
    await tx.db
      .updateTable('rollouts')
      .set({ wave: sql`wave + 1`, wave_started_at: null, wave_settled_at: null })
      .where('id', '=', id)
      .execute();
  }

  /** Everybody who waited in the waves up to `wave` was offered now. */
  async offerWaves(tx: Tx, id: string, wave: number, now: number): Promise<void> {
    await this.#markWaves(tx, id, 'waves_offered', wave, now);
  }

  /** Everybody in the waves up to `wave` who was offered something has answered. */
  async settleWaves(tx: Tx, id: string, wave: number, now: number): Promise<void> {
    await this.#markWaves(tx, id, 'waves_settled', wave, now);
  }

  /** A wave keeps its first mark. */
  async #markWaves(
    tx: Tx,
    id: string,
    column: 'waves_offered' | 'waves_settled',
    wave: number,
    now: number,
  ): Promise<void> {
    const marks = sql.ref(column);
    await sql`
      update rollouts set ${marks} = array(
        select coalesce(${marks}[number], ${new Date(now)}::timestamptz)
        from generate_series(1, ${wave + 1}::int) as number order by number)
      where id = ${id}`.execute(tx.db);
  }

  /** What was wrong with the agents of a wave that had applied it when the wave passed. */
  async keepWave(
    tx: Tx,
    id: string,
    wave: number,
    parts: readonly { cohort: number; unhealthy: number; disconnected: number }[],
  ): Promise<void> {
    for (const { cohort, unhealthy, disconnected } of parts) {
      if (unhealthy + disconnected === 0) continue;
      await tx.db
        .updateTable('rollout_waves')
        .set({ unhealthy, disconnected })
        .where((where) => where.and({ rollout_id: id, wave, cohort }))
        .execute();
    }
  }

  async stopCohort(
    tx: Tx,
    id: string,
    cohort: number,
    state: Exclude<CohortState, 'running'>,
    reason: string,
  ): Promise<void> {
    await tx.db
      .updateTable('rollout_cohorts')
      .set({ state, reason })
      .where((where) => where.and({ rollout_id: id, cohort }))
      .execute();
  }

  /** Cohorts that were stopped and not taken back go on. */
  async resumeCohorts(tx: Tx, id: string): Promise<void> {
    await tx.db
      .updateTable('rollout_cohorts')
      .set({ state: 'running', reason: '' })
      .where((where) => where.and({ rollout_id: id, state: 'stopped' as const }))
      .execute();
  }

  /** Completed rollouts of the fleet wait for nobody any more. Answers their ids. */
  async endCatchingUp(tx: Tx, fleet: string): Promise<string[]> {
    const rows = await tx.db
      .updateTable('rollouts')
      .set({ catching_up: false, halted: false })
      .where('fleet', '=', fleet)
      .where('catching_up', '=', true)
      .returning('id')
      .execute();
    return rows.map(({ id }) => id);
  }

  /** Makes what the rollout brought the stable version of its fleet. */
  async stabilize(tx: Tx, id: string): Promise<void> {
    await sql`
      update fleets f set configuration = r.configuration, version = r.version,
        stable_variables = r.variables, updated_at = now()
      from rollouts r where r.id = ${id} and f.name = r.fleet`.execute(tx.db);
  }

  /** Writes down who decided what, and on which figures. */
  async record(
    tx: Tx,
    id: string,
    actor: string,
    kind: EventKind,
    detail: Record<string, unknown> = {},
  ): Promise<void> {
    await tx.db
      .insertInto('rollout_events')
      .values({ id: uuidV7(), rollout_id: id, actor, kind, detail: JSON.stringify(detail) })
      .execute();
  }

  /**
   * Writes down that so many agents of a wave were offered it: with the portions before it, while nothing else
   * happens.
   */
  async recordOffers(tx: Tx, id: string, wave: number, agents: number, now: number): Promise<void> {
    const { numAffectedRows } = await sql`
      update rollout_events e
      set detail = e.detail || jsonb_build_object(
        'agents', (e.detail->>'agents')::int + ${agents}::int,
        'portions', (e.detail->>'portions')::int + 1,
        'until', ${new Date(now).toISOString()}::text)
      where e.id = (select last.id from rollout_events last where last.rollout_id = ${id} order by last.id desc limit 1)
        and e.kind = 'offered' and (e.detail->>'wave')::int = ${wave}::int`.execute(tx.db);
    if (numAffectedRows === 0n)
      await this.record(tx, id, 'system', 'offered', { wave, agents, portions: 1, until: new Date(now) });
  }

  /** Has it said that it waits for a window, and not that it goes on? */
  async hasSaidToWait(tx: Tx, id: string): Promise<boolean> {
    const last = await tx.db
      .selectFrom('rollout_events')
      .select('kind')
      .where('rollout_id', '=', id)
      .where('kind', 'in', ['waitsForWindow', 'windowOpened'])
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirst();
    return last?.kind === 'waitsForWindow';
  }

  /** Rollouts in which something can still happen. */
  async open(): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('rollouts')
      .select('id')
      .where((where) =>
        where.or([where('state', 'in', [...activeStates, 'scheduled']), where('catching_up', '=', true)]),
      )
      .execute();
    return rows.map((row) => row.id);
  }

  /** Rollouts that what these agents do can move on, and those that are over and about which they say more. */
  async openWith(agents: readonly AgentId[]): Promise<string[]> {
    const { rows } = await sql<{ id: string }>`
      select r.id from rollouts r
      where (r.state in (${sql.join(activeStates)}) or r.catching_up) and exists (
        select from unnest(${binaryArray('uuid', agents)}::uuid[]) as asked (uid)
        where exists (
          -- "offset" keeps this a look-up by key, which ends at the first agent that is found
          select from rollout_agents ra
          where ra.rollout_id = r.id and ra.uid = asked.uid
            and (not r.catching_up or ra.state in ('deferred', 'offered', 'failed', 'unconfirmed')) offset 0))
      union
      select r.id from unnest(${binaryArray('uuid', agents)}::uuid[]) as asked (uid)
      join agent_configurations c on c.uid = asked.uid
      join agent_states s on s.uid = asked.uid and s.remote_config_hash = c.target_hash
      join rollouts r on r.id = c.rollout_id and not r.catching_up
      join rollout_agents ra on ra.rollout_id = r.id and ra.uid = asked.uid and ra.hash = c.target_hash
      where r.state in ('completed', 'aborted', 'replaced') and (
        s.remote_config_status = 1 and ra.state in ('offered', 'deferred', 'failed', 'unconfirmed')
        or s.remote_config_status = 3 and (
          ra.state in ('waiting', 'applied', 'offered', 'deferred', 'unconfirmed') or ra.no_answer))`.execute(
      this.#db,
    );
    return rows.map((row) => row.id);
  }
}

function toDate(time: number | null): Date | null {
  return time === null ? null : new Date(time);
}

function toRecord(row: Selectable<RolloutsTable>, cohorts: readonly Cohort[]): RolloutRecord {
  const { id, fleet, configuration, version, state, wave, accepted, offers, halted, reverted, reason } = row;
  return {
    id,
    fleet,
    configuration,
    version,
    policy: parsePolicy(row.policy),
    state,
    startAt: row.start_at?.getTime() ?? null,
    wave,
    waveCount: row.wave_count,
    waveStartedAt: row.wave_started_at?.getTime() ?? null,
    waveSettledAt: row.wave_settled_at?.getTime() ?? null,
    cohorts,
    accepted,
    offers,
    breaches: row.breaches,
    catchingUp: row.catching_up,
    halted,
    reverted,
    reason,
  };
}
