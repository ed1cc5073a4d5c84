import { sql, type Kysely, type Selectable } from 'kysely';
import type { AgentId } from '@muster/agents/agent-id';
import { parsePolicy, type Policy } from '@muster/configs/policy';
import { binaryArray } from '@muster/db/binary-array';
import type { Database, RolloutsTable } from '@muster/db/schema';
import type { Tx } from '@muster/db/transaction';
import { uuidV7 } from '@muster/db/uuid-v7';
import type { Accepted } from './gates.ts';
import { activeStates, type RolloutState } from './rollout.ts';

/** A rollout as its row says. Times are Unix milliseconds. */
export interface RolloutRecord {
  readonly id: string;
  readonly fleet: string;
  readonly configuration: string;
  readonly version: number;
  readonly policy: Policy;
  readonly state: RolloutState;
  readonly wave: number;
  readonly waveCount: number;
  readonly waveStartedAt: number | null;
  readonly waveSettledAt: number | null;
  readonly accepted: readonly Accepted[];
  /** Why it is in its state; for people. */
  readonly reason: string;
}

export interface NewRollout {
  readonly fleet: string;
  readonly configuration: string;
  readonly version: number;
  readonly policy: Policy;
  readonly createdBy: string;
}

export type EventKind =
  | 'started'
  | 'waveStarted'
  | 'waveSettled'
  | 'wavePassed'
  | 'breached'
  | 'paused'
  | 'resumed'
  | 'rollingBack'
  | 'rolledBack'
  | 'completed'
  | 'aborted'
  | 'replaced';

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
    return row ? toRecord(row) : null;
  }

  /** The rollout under way in a fleet. */
  async activeOf(tx: Tx, fleet: string): Promise<string | null> {
    const row = await tx.db
      .selectFrom('rollouts')
      .select('id')
      .where('fleet', '=', fleet)
      .where('state', 'in', activeStates)
      .executeTakeFirst();
    return row?.id ?? null;
  }

  /** Answers the id: a UUIDv7, so that ids sort by start. */
  async insert(tx: Tx, rollout: NewRollout): Promise<string> {
    const id = uuidV7();
    await tx.db
      .insertInto('rollouts')
      .values({
        id,
        fleet: rollout.fleet,
        configuration: rollout.configuration,
        version: rollout.version,
        policy: JSON.stringify(rollout.policy),
        state: 'running',
        wave_count: 0,
        created_by: rollout.createdBy,
      })
      .execute();
    return id;
  }

  async setWaveCount(tx: Tx, id: string, waveCount: number): Promise<void> {
    await tx.db.updateTable('rollouts').set({ wave_count: waveCount }).where('id', '=', id).execute();
  }

  async startWave(tx: Tx, id: string, now: number): Promise<void> {
    const started = { wave_started_at: new Date(now), wave_settled_at: null };
    await tx.db.updateTable('rollouts').set(started).where('id', '=', id).execute();
  }

  async settleWave(tx: Tx, id: string, now: number): Promise<void> {
    await tx.db
      .updateTable('rollouts')
      .set({ wave_settled_at: new Date(now) })
      .where('id', '=', id)
      .execute();
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

  /** `reason` is for people; `now` is given when the rollout ends. */
  async setState(tx: Tx, id: string, state: RolloutState, reason: string, endedAt?: number): Promise<void> {
    const finished = endedAt === undefined ? null : new Date(endedAt);
    await tx.db
      .updateTable('rollouts')
      .set({ state, reason, finished_at: finished })
      .where('id', '=', id)
      .execute();
  }

  async accept(tx: Tx, id: string, accepted: readonly Accepted[]): Promise<void> {
    await tx.db
      .updateTable('rollouts')
      .set({ accepted: JSON.stringify(accepted) })
      .where('id', '=', id)
      .execute();
  }

  /** Makes what the rollout brought the stable version of its fleet. */
  async stabilize(
    tx: Tx,
    rollout: Pick<RolloutRecord, 'fleet' | 'configuration' | 'version'>,
  ): Promise<void> {
    const { fleet, configuration, version } = rollout;
    await tx.db
      .updateTable('fleets')
      .set({ configuration, version, updated_at: sql<Date>`now()` })
      .where('name', '=', fleet)
      .execute();
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

  /** Rollouts in which something can still happen. */
  async active(): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('rollouts')
      .select('id')
      .where('state', 'in', activeStates)
      .execute();
    return rows.map((row) => row.id);
  }

  /** Active rollouts that any of these agents takes part in. */
  async activeWith(agents: readonly AgentId[]): Promise<string[]> {
    const { rows } = await sql<{ id: string }>`
      select r.id from rollouts r
      where r.state in (${sql.join(activeStates)}) and exists (
        select from unnest(${binaryArray('uuid', agents)}::uuid[]) as asked (uid)
        where exists (
          -- "offset" keeps this a look-up by key, which ends at the first agent that is found
          select from rollout_agents ra where ra.rollout_id = r.id and ra.uid = asked.uid offset 0))`.execute(
      this.#db,
    );
    return rows.map((row) => row.id);
  }
}

function toRecord(row: Selectable<RolloutsTable>): RolloutRecord {
  const { id, fleet, configuration, version, state, wave, accepted, reason } = row;
  return {
    id,
    fleet,
    configuration,
    version,
    policy: parsePolicy(row.policy),
    state,
    wave,
    waveCount: row.wave_count,
    waveStartedAt: row.wave_started_at?.getTime() ?? null,
    waveSettledAt: row.wave_settled_at?.getTime() ?? null,
    accepted,
    reason,
  };
}
