import { sql } from 'kysely';
import type { AgentId } from '@muster/agents/agent-id';
import { acceptsRemoteConfig } from '@muster/configs/accepts-remote-config.postgres';
import { binaryArray } from '@muster/db/binary-array';
import type { Tx } from '@muster/db/transaction';
import type { RolloutAgentState } from './rollout-agent.ts';
import type { RolloutView } from './rollout.ts';
import {
  deferredReachable,
  reachable,
  reached,
  refusals,
  sum,
  tally,
  toWaveCounts,
  type CountRow,
} from './rollout-standings.postgres.ts';
import type { RolloutRecord } from './rollout-store.postgres.ts';

/** So many rows at once are worth new statistics. */
const manyAgents = 1_000n;

/** An agent whose turn it is. */
export interface DueAgent {
  readonly agent: AgentId;
  /** Of the rendered config, hex. */
  readonly hash: string;
  /** It missed its turn, or went offline after it, and is back. */
  readonly returned: boolean;
  /** It has its target already. */
  readonly targeted: boolean;
}

/** What a look at the answers found. */
export interface Settled {
  /** Agents whose state changed. */
  readonly count: number;
  /** Those of them that failed. */
  readonly failed: AgentId[];
  /** How all agents stand after it. */
  readonly counts: Counts;
}

/** What `decide` wants to know of the agents. */
export type Counts = Pick<RolloutView, 'reached' | 'due' | 'offeredInLastSecond' | 'nextDeadline'>;

/**
 * Where every agent stands in a rollout. All statements are set-based and follow from the tables alone. Agents
 * that go the way of their wave have a row that stays as it was planned: the view `rollout_standings` derives
 * from the marks of their wave and from what they report that they were offered the config and applied it.
 */
export class RolloutAgentsStore {
  /** How many agents of the fleet can take part: those that accept remote configs. */
  async countCandidates(tx: Tx, fleet: string): Promise<number> {
    const { rows } = await sql<{ count: number }>`
      select count(*)::int as count from agents a join agent_states s on s.uid = a.uid
      where a.fleet = ${fleet} and ${acceptsRemoteConfig('s')}`.execute(tx.db);
    return rows[0]!.count;
  }

  /**
   * Puts the fleet's agents into waves. Connected ones come first, so that a first wave of one is not an
   * agent that cannot answer; those in quarantine for this config come last. Answers how many there are.
   */
  async plan(
    tx: Tx,
    rollout: { id: string; fleet: string; hash: string; ends: readonly number[] },
  ): Promise<void> {
    const { id, fleet, ends } = rollout;
    const hash = Buffer.from(rollout.hash, 'hex');
    const { numAffectedRows = 0n } = await sql`
      insert into rollout_agents (rollout_id, uid, wave, hash, state)
      select ${id}, uid,
        -- an agent that came since they were counted goes to the last wave
        least(width_bucket(place - 1, ${ends}::bigint[]), ${ends.length - 1}),
        ${hash}, case when quarantined then 'quarantined' else 'waiting' end
      from (
        select a.uid, q.uid is not null as quarantined,
          row_number() over (order by q.uid is not null, not s.connected, a.uid) as place
        from agents a
        join agent_states s on s.uid = a.uid
        left join config_failures q on q.uid = a.uid and q.hash = ${hash} and q.lifted_at is null
        where a.fleet = ${fleet} and ${acceptsRemoteConfig('s')}
      ) planned`.execute(tx.db);
    // Without it every look at the rollout finds each of its agents one by one, until autovacuum has come by.
    if (numAffectedRows >= manyAgents) await sql`analyze rollout_agents (rollout_id, wave)`.execute(tx.db);
  }

  /**
   * Takes over what agents reported about their offers, and gives up those that did not answer in time. Looks
   * at each agent once; who went the way of its wave is not written.
   */
  async settleOffers(tx: Tx, rollout: RolloutRecord, now: number): Promise<Settled> {
    const seconds = rollout.policy.applyDeadlineSeconds;
    const { rows } = await sql<CountRow & { settled: number; failed: AgentId[] | null }>`
      with refusals as materialized (${refusals(rollout)}),
      standings as materialized (${reached(rollout)}),
      judged as (
        select st.uid, st.state as known, st.offered_at,
          case
            when f.uid is not null then 'failed'
            when st.applied then 'applied'
            when st.not_sendable then 'failed'
            when not st.connected then 'deferred'
            when st.state = 'offered' and st.offered_at <= ${new Date(now - seconds * 1000)} then 'failed'
            else st.state
          end as state,
          case
            when f.uid is not null then f.error
            when st.not_sendable then st.offer_error
            else ${`no answer within ${seconds} s`}
          end as failure
        from standings st left join refusals f on f.uid = st.uid and f.hash = st.hash
        where (st.state in ('offered', 'deferred') and st.offered_at is not null)
          or (st.state = 'applied' and f.uid is not null)
      ),
      settled as (
        update rollout_agents ra
        set state = judged.state,
          offered_at = judged.offered_at,
          settled_at = case when judged.state <> 'deferred' then ${new Date(now)}::timestamptz end,
          error = case when judged.state = 'failed' then judged.failure else '' end
        from judged
        where ra.rollout_id = ${rollout.id} and ra.uid = judged.uid and judged.known <> judged.state
        returning ra.uid, ra.state
      )
      select ${tally(now)}, count(st.moved)::int as settled,
        array_agg(st.uid) filter (where st.moved and st.state = 'failed') as failed
      from (
        select st.uid, st.wave, coalesce(settled.state, st.state) as state, st.offered_at, st.settled_at,
          st.connected, st.healthy, case when settled.uid is not null then true end as moved
        from standings st left join settled on settled.uid = st.uid
      ) st
      group by st.wave, st.state`.execute(tx.db);
    return {
      count: sum(rows, (row) => row.settled),
      failed: rows.flatMap((row) => row.failed ?? []),
      counts: await this.#toCounts(tx, rollout, rows),
    };
  }

  /**
   * Sets aside the agents of reached waves that cannot be offered: offline, gone from the fleet, or
   * quarantined. Whoever still waits in a reached wave after this can be offered at once.
   */
  async setAside(tx: Tx, rollout: RolloutRecord): Promise<number> {
    const { numAffectedRows } = await sql`
      with refusals as materialized (${refusals(rollout)}),
      unreachable as (
        select ra.uid,
          case when q.uid is not null then 'quarantined' else 'deferred' end as state,
          case
            when q.uid is not null then q.error
            when a.uid is null then 'deleted'
            when a.fleet is distinct from ${rollout.fleet} then 'no longer in the fleet'
            when not ${acceptsRemoteConfig('s')} then 'does not accept remote configuration'
            else '' end as error
        from rollout_standings ra
        left join agents a on a.uid = ra.uid
        left join agent_states s on s.uid = ra.uid
        left join refusals q on q.uid = ra.uid and q.hash = ra.hash
        where ra.rollout_id = ${rollout.id} and ra.wave <= ${rollout.wave}
          and ra.state in ('waiting', 'deferred') and ra.offered_at is null
          and (q.uid is not null or (ra.state = 'waiting' and not ${reachable(rollout.fleet)}))
      )
      update rollout_agents ra set state = unreachable.state, error = unreachable.error
      from unreachable
      where ra.rollout_id = ${rollout.id} and ra.uid = unreachable.uid`.execute(tx.db);
    return Number(numAffectedRows ?? 0n);
  }

  /** Counts for `decide`. */
  async counts(tx: Tx, rollout: RolloutRecord, now: number): Promise<Counts> {
    const { rows } = await sql<CountRow>`
      select ${tally(now)} from (${reached(rollout)}) st group by st.wave, st.state`.execute(tx.db);
    return this.#toCounts(tx, rollout, rows);
  }

  async #toCounts(tx: Tx, rollout: RolloutRecord, rows: readonly CountRow[]): Promise<Counts> {
    const open = rows.flatMap((row) => (row.oldest_open ? [row.oldest_open.getTime()] : []));
    const countOf = (state: RolloutAgentState) => sum(rows, (row) => (row.state === state ? row.agents : 0));
    return {
      reached: Array.from({ length: Math.min(rollout.wave + 1, rollout.waveCount) }, (_, wave) =>
        toWaveCounts(rows.filter((row) => row.wave === wave)),
      ),
      due: countOf('waiting') + (countOf('deferred') > 0 ? await this.#countReturned(tx, rollout) : 0),
      offeredInLastSecond: sum(rows, (row) => row.recent),
      nextDeadline: open.length === 0 ? null : Math.min(...open) + rollout.policy.applyDeadlineSeconds * 1000,
    };
  }

  async #countReturned(tx: Tx, rollout: RolloutRecord): Promise<number> {
    const { rows } = await sql<{ count: number }>`
      select count(*)::int as count from ${deferredReachable(rollout)}`.execute(tx.db);
    return rows[0]!.count;
  }

  /** Agents whose turn it is, earlier waves first. Unreachable ones have been set aside before. */
  async due(tx: Tx, rollout: RolloutRecord, limit: number): Promise<DueAgent[]> {
    const { rows } = await sql<DueAgent>`
      select due.uid as agent, encode(due.hash, 'hex') as hash, due.returned, due.targeted
      from (
        select ra.wave, ra.uid, ra.hash, false as returned, false as targeted from rollout_standings ra
        where ra.rollout_id = ${rollout.id} and ra.wave <= ${rollout.wave}
          and ra.offered_at is null and ra.state = 'waiting'
        union all
        select ra.wave, ra.uid, ra.hash, true as returned,
          coalesce(c.rollout_id = ra.rollout_id and c.target_hash = ra.hash, false) as targeted
        from ${deferredReachable(rollout)}
        left join agent_configurations c on c.uid = ra.uid
      ) due
      order by due.wave, due.uid limit ${limit}`.execute(tx.db);
    return rows;
  }

  /** For agents that are not offered with all that wait in their wave (`RolloutStore.offerWaves`). */
  async markOffered(tx: Tx, id: string, agents: readonly AgentId[], now: number): Promise<void> {
    if (agents.length === 0) return;
    await sql`
      update rollout_agents ra
      set state = 'offered', offered_at = ${new Date(now)}, settled_at = null, error = ''
      from unnest(${binaryArray('uuid', agents)}::uuid[]) as offered (uid)
      where ra.rollout_id = ${id} and ra.uid = offered.uid`.execute(tx.db);
  }

  /** Agents that were offered what the rollout brings. */
  async touched(tx: Tx, id: string): Promise<AgentId[]> {
    const { rows } = await sql<{ uid: AgentId }>`
      select uid from rollout_standings
      where rollout_id = ${id} and offered_at is not null
        and state in ('offered', 'applied', 'failed', 'deferred')
      order by uid`.execute(tx.db);
    return rows.map((row) => row.uid);
  }

  /**
   * Notes touched agents as taken back. Those in `offered` have been given what they had before and are
   * waited for; the others are done, `why` is said on each.
   */
  async markRolledBack(
    tx: Tx,
    id: string,
    agents: readonly { agent: AgentId; done: boolean; why: string }[],
    now: number,
  ): Promise<void> {
    await sql`
      update rollout_agents ra
      set state = 'rolledBack', offered_at = ${new Date(now)},
        settled_at = case when back.done then ${new Date(now)}::timestamptz end,
        error = concat_ws('; ', nullif(ra.error, ''), nullif(back.why, ''))
      from unnest(
        ${agents.map(({ agent }) => agent)}::uuid[],
        ${agents.map(({ done }) => done)}::boolean[],
        ${agents.map(({ why }) => why)}::text[]
      ) as back (uid, done, why)
      where ra.rollout_id = ${id} and ra.uid = back.uid`.execute(tx.db);
  }

  /** Writes down how every agent stands, before the rollout ends where waves are not settled. */
  async freeze(tx: Tx, id: string, now: number): Promise<void> {
    await sql`
      with standings as materialized (
        select uid, state, offered_at, settled_at from rollout_standings where rollout_id = ${id})
      update rollout_agents ra
      set state = standings.state, offered_at = standings.offered_at,
        settled_at = coalesce(
          standings.settled_at, case when standings.state = 'applied' then ${new Date(now)}::timestamptz end)
      from standings
      where ra.rollout_id = ${id} and ra.uid = standings.uid
        and ra.state = 'waiting' and standings.state <> 'waiting'`.execute(tx.db);
  }

  /** Takes over which agents have confirmed what they went back to; gives up the others in time. */
  async settleRollback(tx: Tx, rollout: RolloutRecord, now: number): Promise<number> {
    const seconds = rollout.policy.applyDeadlineSeconds;
    const { numAffectedRows } = await sql`
      with open as (
        select ra.uid, coalesce(s.remote_config_hash = c.target_hash and s.remote_config_status = 1, false)
          as confirmed
        from rollout_agents ra
        left join agent_configurations c on c.uid = ra.uid
        left join agent_states s on s.uid = ra.uid
        where ra.rollout_id = ${rollout.id} and ra.state = 'rolledBack' and ra.settled_at is null
      )
      update rollout_agents ra
      set settled_at = ${new Date(now)},
        error = case when open.confirmed then ra.error
          else concat_ws('; ', nullif(ra.error, ''), ${`rollback not confirmed within ${seconds} s`}::text) end
      from open
      where ra.rollout_id = ${rollout.id} and ra.uid = open.uid
        and (open.confirmed or ra.offered_at <= ${new Date(now - seconds * 1000)})`.execute(tx.db);
    return Number(numAffectedRows ?? 0n);
  }
}
