import { sql, type Kysely, type Selectable } from 'kysely';
import { InvalidCursor } from '@muster/agents/errors';
import type { AgentId } from '@muster/agents/agent-id';
import { parsePolicy, type Policy } from '@muster/configs/policy';
import type { Database, RolloutsTable } from '@muster/db/schema';
import type { Tx } from '@muster/db/transaction';
import { agentStates, type AgentCounts, type RolloutAgentState } from './rollout-agent.ts';
import { activeStates, type RolloutState } from './rollout.ts';

/** A rollout as people see it. */
export interface Rollout {
  readonly id: string;
  readonly fleet: string;
  readonly configuration: string;
  readonly version: number;
  readonly state: RolloutState;
  /** Why it is in this state; empty when there is nothing to say. */
  readonly reason: string;
  readonly policy: Policy;
  /** The wave under way, from 0. */
  readonly wave: number;
  readonly waves: readonly Wave[];
  readonly counts: AgentCounts;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly finishedAt: Date | null;
}

export interface Wave {
  readonly index: number;
  readonly size: number;
  readonly state: 'pending' | 'running' | 'soaking' | 'passed' | 'stopped';
  readonly counts: AgentCounts;
}

export interface RolloutAgent {
  readonly uid: AgentId;
  readonly name: string;
  readonly wave: number;
  readonly state: RolloutAgentState;
  readonly error: string;
  readonly offeredAt: Date | null;
  readonly settledAt: Date | null;
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

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** The same views, seeing what the transaction has done. */
  within(tx: Tx): RolloutViews {
    return new RolloutViews(tx.db);
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

  /** How agents stand: those that failed first, then wave by wave. */
  async agents(id: string, limit: number): Promise<RolloutAgent[]> {
    const { rows } = await sql<RolloutAgent>`
      with standings as materialized (
        select * from rollout_standings where rollout_id = ${id}
      ),
      asked as (select * from standings order by state <> 'failed', wave, uid limit ${limit})
      select asked.uid, coalesce(a.name, '') as name, asked.wave, asked.state, asked.error,
        asked.offered_at as "offeredAt",
        coalesce(
          asked.settled_at,
          case when asked.state = 'applied' and s.applied_config_hash = asked.hash then s.applied_at end
        ) as "settledAt"
      from asked
      left join agents a on a.uid = asked.uid
      left join agent_states s on s.uid = asked.uid
      order by asked.state <> 'failed', asked.wave, asked.uid`.execute(this.#db);
    return rows;
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
    const { rows } = await sql<Row>`
      select r.*, coalesce(
        (select jsonb_agg(by_state) from (
          select standings.wave, standings.state, count(*)::int as agents
          from (select wave, state from rollout_standings where rollout_id = r.id offset 0) standings
          group by standings.wave, standings.state) by_state), '[]') as agents
      from rollouts r where ${which} order by r.id desc limit ${limit}`.execute(this.#db);
    return rows.map(toRollout);
  }
}

interface Row extends Selectable<RolloutsTable> {
  agents: StateCount[];
}

interface StateCount {
  wave: number;
  state: RolloutAgentState;
  agents: number;
}

function toRollout(row: Row): Rollout {
  const { id, fleet, configuration, version, state, reason, wave } = row;
  const waves = Array.from({ length: row.wave_count }, (_, index): Wave => {
    const counts = toCounts(row.agents.filter((count) => count.wave === index));
    const size = Object.values(counts).reduce((total, count) => total + count, 0);
    return { index, size, state: waveState(row, index), counts };
  });
  return {
    id,
    fleet,
    configuration,
    version,
    state,
    reason,
    policy: parsePolicy(row.policy),
    wave,
    waves,
    counts: toCounts(row.agents),
    createdAt: row.created_at,
    createdBy: row.created_by,
    finishedAt: row.finished_at,
  };
}

function waveState(row: Row, index: number): Wave['state'] {
  if (row.state === 'completed' || index < row.wave) return 'passed';
  if (index > row.wave) return 'pending';
  if (row.state === 'scheduled' || (row.state === 'running' && row.wave_started_at === null))
    return 'pending';
  if (row.state !== 'running') return 'stopped';
  return row.wave_settled_at === null ? 'running' : 'soaking';
}

function toCounts(rows: readonly StateCount[]): AgentCounts {
  const counts = Object.fromEntries(agentStates.map((state) => [state, 0])) as AgentCounts;
  for (const { state, agents } of rows) counts[state] += agents;
  return counts;
}
