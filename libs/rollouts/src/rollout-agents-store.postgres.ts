import { sql } from 'kysely';
import type { AgentId } from '@muster/agents/agent-id';
import { acceptsRemoteConfig } from '@muster/configs/accepts-remote-config.postgres';
import { quarantineOf } from '@muster/configs/quarantine.postgres';
import { binaryArray } from '@muster/db/binary-array';
import type { Tx } from '@muster/db/transaction';
import type { RolloutAgentState } from './rollout-agent.ts';
import { toCounts, type Counts, type WavePart } from './rollout-counts.ts';
import {
  concerned,
  concernedStandings,
  deferredReachable,
  reachable,
  stoppedCohorts,
  tally,
  type CountRow,
} from './rollout-standings.postgres.ts';
import type { RolloutRecord } from './rollout-record.ts';
import { isOpen } from './rollout.ts';

/** An agent whose turn it is. */
export interface DueAgent {
  readonly agent: AgentId;
  /** Of the rendered config, hex. */
  readonly hash: string;
  /** What it was rendered from, 16 bytes; null: every agent gets the same. */
  readonly inputs: Uint8Array | null;
  /** It missed its turn, or was away for long after it, and is back. */
  readonly returned: boolean;
  /** It is offered its target already. */
  readonly targeted: boolean;
}

/** What a look at the answers found. */
export interface Settled {
  /** Agents whose state changed. */
  readonly count: number;
  /** Those of them that failed. */
  readonly failed: AgentId[];
  /** Those that went away before they answered: they are offered nothing until it is their turn again. */
  readonly away: AgentId[];
  /** Those that were away, or were given up, and have applied it all the same. */
  readonly applied: AgentId[];
  /** How all agents stand after it. */
  readonly counts: Counts;
}

/**
 * Where every agent stands in a rollout. All statements are set-based and follow from the tables alone. Agents
 * that go the way of their wave have a row that stays as it was planned: the view `rollout_standings` derives
 * from the marks of their wave and from what they report that they were offered the config and applied it.
 */
export class RolloutAgentsStore {
  readonly #listeningSince: number;

  /** @param listeningSince no deadline is counted from an earlier time, Unix milliseconds: nobody listened then */
  constructor(listeningSince: number) {
    this.#listeningSince = listeningSince;
  }

  /**
   * Takes over what agents reported about their offers, and gives up those that did not answer in time; who answers
   * later is believed. Looks at each agent once; who went the way of its wave is not written. Who went away with its
   * offer is waited for in the same time, and has to come back for another one after it; with `offersStand` false, and
   * in a cohort that has stopped, at once. Of a rollout that is over only agents are looked at that still have its
   * target, and no deadline runs.
   */
  async settleOffers(tx: Tx, rollout: RolloutRecord, offersStand: boolean, now: number): Promise<Settled> {
    const seconds = rollout.policy.applyDeadlineSeconds;
    const over = !isOpen(rollout);
    const overdue = sql`not ${over}::boolean and
      greatest(st.offered_at, ${new Date(this.#listeningSince)}::timestamptz) <= ${new Date(now - seconds * 1000)}`;
    type Moved = Record<'failed' | 'away' | 'applied', AgentId[] | null>;
    const { rows } = await sql<CountRow & { settled: number } & Moved>`
      with standings as materialized (${concernedStandings(rollout)}),
      judged as (
        select st.uid, st.state as known, st.offered_at, f.uid is null and not st.not_sendable as silent,
          -- it refuses what it had said nothing about
          coalesce(st.no_answer, false) and f.uid is not null as retold,
          case
            when f.uid is not null then 'failed'
            when st.applied or st.runs_it then 'applied'
            when st.not_sendable then 'failed'
            when st.state <> 'offered' then st.state
            when not ${over}::boolean and not st.connected and (${overdue} or not ${offersStand}::boolean
              or st.cohort = any(${stoppedCohorts(rollout)}::smallint[])) then 'deferred'
            when st.sent_unconfirmed or (st.cannot_say and ${overdue}) then 'unconfirmed'
            when ${overdue} then 'failed'
            else st.state
          end as state,
          case
            when f.uid is not null then f.error
            when st.not_sendable then st.offer_error
            else ${`no answer within ${seconds} s`}
          end as failure
        from standings st
        left join config_failures f on f.uid = st.uid and f.hash = st.hash and f.lifted_at is null
        where ((st.state in ('offered', 'deferred') and st.offered_at is not null)
            or st.state in ('failed', 'unconfirmed')
            or (st.state = 'applied' and f.uid is not null))
          and (not ${over}::boolean or exists (
            select from agent_configurations c
            where c.uid = st.uid and c.rollout_id = ${rollout.id} and c.target_hash = st.hash))
      ),
      settled as (
        update rollout_agents ra
        set state = judged.state,
          offered_at = judged.offered_at,
          settled_at = case when judged.state <> 'deferred' then ${new Date(now)}::timestamptz end,
          error = case when judged.state = 'failed' then judged.failure else '' end,
          no_answer = case when judged.state = 'failed' and judged.silent then true end
        from judged
        where ra.rollout_id = ${rollout.id} and ra.uid = judged.uid
          and (judged.known <> judged.state or judged.retold)
        returning ra.uid, ra.state, ra.no_answer, judged.known
      )
      select ${this.#tally(rollout, now)}, count(st.known)::int as settled,
        array_agg(st.uid) filter (where st.known is not null and st.state = 'failed') as failed,
        array_agg(st.uid) filter (where st.known is not null and st.state = 'deferred') as away,
        array_agg(st.uid) filter (where st.known in ('deferred', 'failed') and st.state = 'applied') as applied
      from (
        select st.uid, st.wave, st.cohort, coalesce(settled.state, st.state) as state, st.offered_at,
          st.settled_at, st.connected, st.disconnected_at, st.healthy, st.was_unhealthy,
          case when settled.uid is null then st.no_answer else settled.no_answer end as no_answer, settled.known
        from standings st left join settled on settled.uid = st.uid
      ) st
      group by st.wave, st.cohort, st.state`.execute(tx.db);
    return {
      count: rows.reduce((total, row) => total + row.settled, 0),
      failed: rows.flatMap((row) => row.failed ?? []),
      away: rows.flatMap((row) => row.away ?? []),
      applied: rows.flatMap((row) => row.applied ?? []),
      counts: await this.#toCounts(tx, rollout, rows),
    };
  }

  /**
   * Sets aside the agents that went away with an offer of the rollout, which ends or stops. Answers them: they
   * are to be offered nothing. Who has applied it is not among them.
   */
  async setAsideAway(tx: Tx, id: string): Promise<AgentId[]> {
    const { rows } = await sql<{ uid: AgentId }>`
      with gone as materialized (
        select st.uid, st.offered_at from rollout_standings st
        left join agent_states s on s.uid = st.uid
        where st.rollout_id = ${id} and st.state = 'offered' and not coalesce(s.connected, false)
          and not coalesce(s.remote_config_hash = st.hash and s.remote_config_status = 1, false))
      update rollout_agents ra set state = 'deferred', offered_at = gone.offered_at
      from gone where ra.rollout_id = ${id} and ra.uid = gone.uid
      returning ra.uid`.execute(tx.db);
    return rows.map(({ uid }) => uid);
  }

  /**
   * Sets aside the agents of reached waves that cannot be offered: offline, gone from the fleet, in quarantine,
   * or of a cohort that has stopped. Whoever still waits in a reached wave after this can be offered at once.
   */
  async setAside(tx: Tx, rollout: RolloutRecord): Promise<number> {
    const { numAffectedRows } = await sql`
      with open as materialized (
        select ra.uid, ra.state, ra.hash, ra.cohort = any(${stoppedCohorts(rollout)}::smallint[]) as stopped
        from (${concerned(rollout)}) ra join rollouts r on r.id = ra.rollout_id
        where ra.offered_at is null
          and (ra.state = 'deferred' or (ra.state = 'waiting' and r.waves_offered[ra.wave + 1] is null))
      ),
      judged as (
        select open.uid, open.state as known,
          case
            when open.stopped then 'stopped'
            when quarantine.reason is not null then 'quarantined'
            when ${reachable(rollout.fleet)} then open.state
            else 'deferred' end as state,
          case
            when open.stopped then ''
            when quarantine.reason is not null then quarantine.reason
            when a.uid is null then 'deleted'
            when m.fleet is distinct from ${rollout.fleet} then 'no longer in the fleet'
            when not ${acceptsRemoteConfig('s')} then 'does not accept remote configuration'
            else '' end as error
        from open
        left join agents a on a.uid = open.uid
        left join fleet_members m on m.uid = a.uid
        left join agent_states s on s.uid = open.uid
        left join lateral ${quarantineOf(sql`open.uid`, sql`open.hash`, rollout)} quarantine on true
      )
      update rollout_agents ra set state = judged.state, error = judged.error
      from judged
      where ra.rollout_id = ${rollout.id} and ra.uid = judged.uid and judged.state <> judged.known`.execute(
      tx.db,
    );
    return Number(numAffectedRows ?? 0n);
  }

  /** Counts for `decide`. */
  async counts(tx: Tx, rollout: RolloutRecord, now: number): Promise<Counts> {
    const { rows } = await sql<CountRow>`
      select ${this.#tally(rollout, now)} from (${concernedStandings(rollout)}) st group by st.wave, st.cohort, st.state`.execute(
      tx.db,
    );
    return this.#toCounts(tx, rollout, rows);
  }

  #tally(rollout: RolloutRecord, now: number) {
    return tally(rollout, { now, listeningSince: this.#listeningSince });
  }

  async #toCounts(tx: Tx, rollout: RolloutRecord, rows: readonly CountRow[]): Promise<Counts> {
    const parts = await tx.db
      .selectFrom('rollout_waves')
      .select(['wave', 'cohort', 'size', 'unhealthy', 'disconnected'])
      .where('rollout_id', '=', rollout.id)
      .where('wave', '<=', rollout.wave)
      .orderBy('wave')
      .orderBy('cohort')
      .execute();
    const isDeferred = (row: { state: RolloutAgentState }) => row.state === 'deferred';
    const deferred = rows.some(isDeferred)
      ? await this.#countDeferred(tx, rollout)
      : { returned: 0, away: 0 };
    return toCounts(rollout, rows, parts satisfies WavePart[], deferred);
  }

  /** `away`: who still is an agent of the fleet, reachable or not. */
  async #countDeferred(tx: Tx, rollout: RolloutRecord): Promise<{ returned: number; away: number }> {
    const { rows } = await sql<{ returned: number; away: number }>`
      select (select count(*)::int from ${deferredReachable(rollout)}) as returned, (
        select count(*)::int from rollout_agents ra
        join agents a on a.uid = ra.uid
        join fleet_members m on m.uid = ra.uid and m.fleet = ${rollout.fleet}
        where ra.rollout_id = ${rollout.id} and ra.state = 'deferred' and ra.state not in ('waiting', 'applied')
          and not ra.cohort = any(${stoppedCohorts(rollout)}::smallint[])) as away`.execute(tx.db);
    return rows[0]!;
  }

  /**
   * Agents whose turn it is, earlier waves first; inside a wave in an order that differs from rollout to
   * rollout. Unreachable ones have been set aside before.
   */
  async due(tx: Tx, rollout: RolloutRecord, limit: number): Promise<DueAgent[]> {
    const { rows } = await sql<DueAgent>`
      select due.uid as agent, encode(due.hash, 'hex') as hash, uuid_send(due.inputs) as inputs,
        due.returned, due.targeted
      from (
        select ra.wave, ra.uid, ra.hash, ra.inputs, false as returned, false as targeted
        from rollout_agents ra join rollouts r on r.id = ra.rollout_id
        where ra.rollout_id = ${rollout.id} and ra.wave = ${rollout.wave} and ra.state = 'waiting'
          and r.state = 'running' and r.waves_offered[ra.wave + 1] is null
        union all
        select ra.wave, ra.uid, ra.hash, ra.inputs, true as returned,
          coalesce(c.rollout_id = ra.rollout_id and c.target_hash = ra.hash and c.desired_hash = ra.hash, false)
            as targeted
        from ${deferredReachable(rollout)}
        left join agent_configurations c on c.uid = ra.uid
      ) due
      order by due.wave, uuid_hash_extended(due.uid, ${seedOf(rollout.id)}), due.uid limit ${limit}`.execute(
      tx.db,
    );
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

  /** They came into quarantine since they were set aside: without this they would be due for ever. */
  async markRefused(tx: Tx, id: string, agents: readonly AgentId[]): Promise<void> {
    if (agents.length === 0) return;
    await sql`
      update rollout_agents ra set state = 'quarantined', error = 'in quarantine for this version'
      from unnest(${binaryArray('uuid', agents)}::uuid[]) as refused (uid)
      where ra.rollout_id = ${id} and ra.uid = refused.uid`.execute(tx.db);
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
        and ra.state = 'waiting' and standings.state not in ('waiting', 'stopped')`.execute(tx.db);
  }

  /** Agents of cohorts that had stopped get their turn, in the waves reached as if they had been away. */
  async resumeStopped(tx: Tx, id: string): Promise<void> {
    await sql`
      update rollout_agents set state = 'deferred', error = ''
      where rollout_id = ${id} and state = 'stopped' and state not in ('waiting', 'applied')`.execute(tx.db);
  }
}

/** What makes the order of agents another in each rollout. */
export function seedOf(rolloutId: string) {
  return sql`hashtextextended(${rolloutId}, 0)`;
}
