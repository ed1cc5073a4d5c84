import { sql } from 'kysely';
import type { AgentId } from '@muster/agents/agent-id';
import type { Policy } from '@muster/configs/policy';
import type { Tx } from '@muster/db/transaction';
import type { ShownBreach } from './gates.ts';
import type { RolloutRecord } from './rollout-record.ts';
import { confirms } from './rollout-standings.postgres.ts';
import { offersToldWithinMs } from './rollout.ts';

/** Agents that were taken back, counted. */
export interface RolledBack {
  readonly confirmed: number;
  /** Said nothing in time. */
  readonly unconfirmed: number;
  /** Said FAILED for what they had before. */
  readonly refused: number;
  readonly hadNothing: number;
  /** Got another target meanwhile, which stays. */
  readonly gotAnother: number;
}

/** Which agents a rollout takes back, and what becomes of them. All statements are set-based. */
export class RollbackStore {
  /** Agents that were offered what the rollout brings; of one cohort, or all (null). */
  async touched(tx: Tx, rollout: RolloutRecord, cohort: number | null): Promise<AgentId[]> {
    const { rows } = await sql<{ uid: AgentId }>`
      select uid from rollout_standings
      where rollout_id = ${rollout.id} and wave <= ${rollout.wave} and offered_at is not null
        and state in ('offered', 'applied', 'failed', 'deferred', 'unconfirmed')
        and (${cohort}::smallint is null or cohort = ${cohort}::smallint)
      order by uid`.execute(tx.db);
    return rows.map((row) => row.uid);
  }

  /**
   * Notes touched agents as taken back, and keeps what each had made of its offer. Those in `offered` have been given what they had before and are
   * waited for; the others are done, `why` is said on each.
   */
  async mark(
    tx: Tx,
    id: string,
    agents: readonly { agent: AgentId; done: boolean; why: string }[],
    now: number,
  ): Promise<void> {
    await sql`
      with stood as materialized (
        select uid, outcome, outcome_reason from rollout_standings
        where rollout_id = ${id} and uid = any(${agents.map(({ agent }) => agent)}::uuid[]))
      update rollout_agents ra
      set state = 'rolledBack', outcome = stood.outcome, outcome_reason = stood.outcome_reason, offered_at = ${new Date(now)},
        settled_at = case when back.done then ${new Date(now)}::timestamptz end,
        no_answer = null,
        error = concat_ws('; ', nullif(ra.error, ''), nullif(back.why, ''))
      from unnest(
        ${agents.map(({ agent }) => agent)}::uuid[],
        ${agents.map(({ done }) => done)}::boolean[],
        ${agents.map(({ why }) => why)}::text[]
      ) as back (uid, done, why)
      join stood on stood.uid = back.uid
      where ra.rollout_id = ${id} and ra.uid = back.uid`.execute(tx.db);
  }

  /**
   * Takes over which agents have confirmed what they went back to, or refused it; gives up the others in time. An
   * agent confirms when it says APPLIED for it after everything else that it was sent. Gateways tell of an offer a
   * little later: of what an agent had said before it was taken back nobody knows at once whether an offer that
   * it has not answered followed.
   */
  async settle(tx: Tx, rollout: RolloutRecord, now: number): Promise<number> {
    const corrected = await this.#believeLate(tx, rollout.id);
    const seconds = rollout.policy.applyDeadlineSeconds;
    const { numAffectedRows } = await sql`
      with open as (
        select ra.uid, ra.offered_at,
          ${confirms} and (
            s.applied_at >= ra.offered_at or ra.offered_at <= ${new Date(now - offersToldWithinMs)}
          ) as confirmed,
          coalesce(s.remote_config_hash = c.target_hash and s.remote_config_status = 3, false) as refused,
          s.remote_config_error as refusal
        from rollout_agents ra
        left join agent_configurations c on c.uid = ra.uid
        left join agent_states s on s.uid = ra.uid
        where ra.rollout_id = ${rollout.id} and ra.settled_at is null
          and ra.state = 'rolledBack' and ra.state not in ('waiting', 'applied')
      )
      update rollout_agents ra
      set settled_at = ${new Date(now)},
        no_answer = case when open.confirmed or open.refused then null else true end,
        error = case when open.refused
          then concat_ws('; ', nullif(ra.error, ''), concat_ws(': ', 'refused what it had before', nullif(open.refusal, '')))
          else ra.error end
      from open
      where ra.rollout_id = ${rollout.id} and ra.uid = open.uid
        and (open.confirmed or open.refused or open.offered_at <= ${new Date(now - seconds * 1000)})`.execute(
      tx.db,
    );
    return corrected + Number(numAffectedRows ?? 0n);
  }

  /** How many agents the gate of this breach counted, by what they made of the offer before they were taken back. */
  async failing(
    tx: Tx,
    id: string,
    { maxNotConverged }: Policy,
    { gate, wave, cohort }: ShownBreach,
  ): Promise<number> {
    const apart = maxNotConverged === null ? ['failed', 'noAnswer'] : ['failed'];
    const outcomes = gate === 'maxNotConverged' ? ['noAnswer'] : apart;
    const { rows } = await sql<{ count: number }>`
      select count(*)::int as count from rollout_standings
      where rollout_id = ${id} and wave = ${wave} and outcome = any(${outcomes}::text[])
        and (${cohort}::smallint is null or cohort = ${cohort}::smallint)`.execute(tx.db);
    return rows[0]!.count;
  }

  /** What agents make of the offer that they are taken back from, said after they were given up. */
  async #believeLate(tx: Tx, id: string): Promise<number> {
    const { numAffectedRows } = await sql`
      update rollout_agents ra
      set outcome = case when f.uid is null then 'applied' else 'failed' end, outcome_reason = coalesce(f.error, '')
      from agent_states s left join config_failures f on f.uid = s.uid and f.lifted_at is null
        and f.hash = s.remote_config_hash
      where ra.rollout_id = ${id} and ra.state = 'rolledBack' and ra.state not in ('waiting', 'applied')
        and (ra.outcome is null or ra.outcome in ('noAnswer', 'unconfirmed'))
        and s.uid = ra.uid and s.remote_config_hash = ra.hash
        and (f.uid is not null or s.remote_config_status = 1)`.execute(tx.db);
    return Number(numAffectedRows ?? 0n);
  }

  /** What became of the agents that were taken back. */
  async outcome(tx: Tx, id: string): Promise<RolledBack> {
    const { rows } = await sql<RolledBack>`
      select
        (count(*) filter (where c.rollout_id = ra.rollout_id and c.target_hash is not null
          and ra.no_answer is null and not refused.yes))::int as confirmed,
        (count(*) filter (where c.rollout_id = ra.rollout_id and ra.no_answer))::int as unconfirmed,
        (count(*) filter (where refused.yes))::int as refused,
        (count(*) filter (where c.rollout_id = ra.rollout_id and c.target_hash is null))::int as "hadNothing",
        (count(*) filter (where c.rollout_id is distinct from ra.rollout_id))::int as "gotAnother"
      from rollout_agents ra
      left join agent_configurations c on c.uid = ra.uid
      left join agent_states s on s.uid = ra.uid
      cross join lateral (
        select coalesce(c.rollout_id = ra.rollout_id
          and s.remote_config_hash = c.target_hash and s.remote_config_status = 3, false) as yes) refused
      where ra.rollout_id = ${id} and ra.state = 'rolledBack'`.execute(tx.db);
    return rows[0]!;
  }
}
