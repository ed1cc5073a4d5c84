import { sql, type Kysely } from 'kysely';
import { InvalidCursor } from '@muster/agents/errors';
import type { AgentId } from '@muster/agents/agent-id';
import type { Database } from '@muster/db/schema';
import type { Tx } from '@muster/db/transaction';
import type { AgentOutcome, RolloutAgentState } from './rollout-agent.ts';
import { confirms } from './rollout-standings.postgres.ts';
import { toRollout, type Rollout, type RolloutRow } from './rollout-view.ts';
import { activeStates } from './rollout.ts';

export interface RolloutAgent {
  readonly uid: AgentId;
  readonly name: string;
  readonly wave: number;
  readonly cohort: number;
  readonly state: RolloutAgentState;
  readonly error: string;
  /** What it made of the offer, also when it was taken back since; null: nothing yet. */
  readonly outcome: AgentOutcome | null;
  /** Why it failed; empty: it did not. */
  readonly outcomeReason: string;
  readonly offeredAt: Date | null;
  readonly settledAt: Date | null;
}

export interface RolloutAgentsQuery {
  readonly state?: RolloutAgentState | undefined;
  readonly outcome?: AgentOutcome | undefined;
  readonly limit: number;
  readonly after?: string | undefined;
}

export interface RolloutEvent {
  readonly at: Date;
  readonly actor: string;
  readonly kind: string;
  readonly detail: Record<string, unknown>;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Rollouts for screens and API answers. */
export class RolloutViews {
  readonly #db: Kysely<Database>;
  readonly #now: () => number;

  constructor(db: Kysely<Database>, now: () => number) {
    this.#db = db;
    this.#now = now;
  }

  /** The same views, seeing what the transaction has done. */
  within(tx: Tx): RolloutViews {
    return new RolloutViews(tx.db, this.#now);
  }

  async find(id: string): Promise<Rollout | null> {
    if (!uuid.test(id)) return null;
    return (await this.#read(sql`r.id = ${id}`, 1))[0] ?? null;
  }

  /** The rollout under way in a fleet. */
  async activeOf(fleet: string): Promise<Rollout | null> {
    const active = sql`r.fleet = ${fleet} and r.state in (${sql.join(activeStates)})`;
    return (await this.#read(active, 1))[0] ?? null;
  }

  /** All rollouts under way, by fleet at most one. */
  async active(): Promise<Rollout[]> {
    return this.#read(sql`r.state in (${sql.join(activeStates)})`, null);
  }

  /** Newest first. `after` is the `next` of the page before; throws `InvalidCursor`. */
  async page(query: {
    fleet?: string | undefined;
    limit: number;
    after?: string | undefined;
  }): Promise<{ items: Rollout[]; next: string | null }> {
    if (query.after !== undefined && !uuid.test(query.after)) throw new InvalidCursor();
    const inFleet = query.fleet === undefined ? sql`true` : sql`r.fleet = ${query.fleet}`;
    const older = query.after === undefined ? sql`true` : sql`r.id < ${query.after}`;
    const found = await this.#read(sql`${inFleet} and ${older}`, query.limit + 1);
    const items = found.slice(0, query.limit);
    return { items, next: found.length > query.limit ? items.at(-1)!.id : null };
  }

  /**
   * How agents stand, and what they made of their offer: those that failed first, then wave by wave; of one state and
   * outcome, or of all. `after` is the `next` of the page before; throws `InvalidCursor`.
   */
  async agents(
    id: string,
    query: RolloutAgentsQuery,
  ): Promise<{ items: RolloutAgent[]; next: string | null }> {
    const { state = null, outcome = null, limit } = query;
    const [rank, wave, uid] = readAgentCursor(query.after);
    const { rows } = await sql<RolloutAgent>`
      with standings as materialized (
        select *, (outcome not in ('failed', 'noAnswer') or outcome is null)::int as rank from rollout_standings where rollout_id = ${id}
      ),
      asked as (
        select * from standings
        where (${state}::text is null or state = ${state})
          and (${outcome}::text is null or outcome = ${outcome})
          and (${uid}::uuid is null or (rank, wave, uid) > (${rank}::int, ${wave}::int, ${uid}::uuid))
        order by rank, wave, uid limit ${limit + 1})
      select asked.uid, coalesce(a.name, '') as name, asked.wave, asked.cohort, asked.state,
        case when asked.state = 'rolledBack' and asked.no_answer and c.rollout_id = ${id} and not ${confirms}
          then concat_ws('; ', nullif(asked.error, ''), 'rollback not confirmed in time')
          else asked.error end as error,
        asked.outcome, asked.outcome_reason as "outcomeReason",
        asked.offered_at as "offeredAt",
        coalesce(
          asked.settled_at,
          case when asked.state = 'applied' and s.applied_config_hash = asked.hash then s.applied_at end
        ) as "settledAt"
      from asked
      left join agents a on a.uid = asked.uid
      left join agent_states s on s.uid = asked.uid
      left join agent_configurations c on c.uid = asked.uid
      order by asked.rank, asked.wave, asked.uid`.execute(this.#db);
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    const next = last
      ? `${last.outcome === 'failed' || last.outcome === 'noAnswer' ? 0 : 1}_${last.wave}_${last.uid}`
      : null;
    return { items, next: rows.length > limit ? next : null };
  }

  /** Every decision about the rollout, in order. */
  async events(id: string): Promise<RolloutEvent[]> {
    return this.#db
      .selectFrom('rollout_events')
      .select(['at', 'actor', 'kind', 'detail'])
      .where('rollout_id', '=', id)
      .orderBy('id')
      .execute();
  }

  async #read(which: ReturnType<typeof sql>, limit: number | null): Promise<Rollout[]> {
    const { rows } = await sql<RolloutRow>`
      select r.*,
        coalesce((
          select jsonb_agg(by_state) from (
            select standing.wave, standing.cohort, standing.state, count(*)::int as agents
            from (
              -- "offset" keeps the planner from looking at states before the wave
              (select wave, cohort, state from rollout_standings
                where rollout_id = r.id and wave = r.wave and r.state <> 'completed' offset 0)
              union all
              -- the others of these waves all stand alike
              select ra.wave, ra.cohort, ra.state from rollout_agents ra
              where ra.rollout_id = r.id and ra.state not in ('waiting', 'applied')
                and (ra.wave <> r.wave or r.state = 'completed')
            ) standing
            group by standing.wave, standing.cohort, standing.state) by_state), '[]') as agents,
        coalesce((
          select jsonb_agg(jsonb_build_object('wave', w.wave, 'cohort', w.cohort, 'size', w.size)
            order by w.wave, w.cohort)
          from rollout_waves w where w.rollout_id = r.id), '[]') as parts,
        coalesce((
          select jsonb_agg(to_jsonb(c) order by c.cohort) from rollout_cohorts c where c.rollout_id = r.id
        ), '[]') as cohorts
      from rollouts r where ${which} order by r.id desc limit ${limit}`.execute(this.#db);
    const now = this.#now();
    return rows.map((row) => toRollout(row, now));
  }
}

const agentCursor = /^([01])_(\d{1,5})_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

function readAgentCursor(after: string | undefined): (string | null)[] {
  if (after === undefined) return [null, null, null];
  const found = agentCursor.exec(after);
  if (!found) throw new InvalidCursor();
  return found.slice(1);
}
