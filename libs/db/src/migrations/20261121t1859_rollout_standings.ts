import { sql, type Kysely } from 'kysely';

/**
 * ADR 0011: how most agents stand follows from their wave. A row of `rollout_agents` is written for what is
 * different about an agent; `rollout_standings` is what to read.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table rollouts
      -- by wave, from 1: when every agent of the wave that was still waiting was offered; null: not yet
      add column waves_offered timestamptz[] not null default '{}',
      -- by wave, from 1: when every agent that was offered something had answered; null: not yet
      add column waves_settled timestamptz[] not null default '{}'`.execute(db);
  await sql`
    create function rollout_agent_state(
      state text, wave_offered_at timestamptz, wave_settled_at timestamptz, applied boolean
    ) returns text language sql immutable parallel safe
    return case
      when state <> 'waiting' or wave_offered_at is null then state
      when wave_settled_at is not null or applied then 'applied'
      else 'offered'
    end`.execute(db);
  await sql`
    create view rollout_standings as
    select ra.rollout_id, ra.uid, ra.wave, ra.hash, ra.error,
      rollout_agent_state(
        ra.state, r.waves_offered[ra.wave + 1], r.waves_settled[ra.wave + 1],
        -- looked up for agents of waves under way alone
        (select s.remote_config_hash = ra.hash and s.remote_config_status = 1
          from agent_states s where s.uid = ra.uid)) as state,
      coalesce(ra.offered_at, case when ra.state = 'waiting' then r.waves_offered[ra.wave + 1] end) as offered_at,
      coalesce(ra.settled_at, case when ra.state = 'waiting' then r.waves_settled[ra.wave + 1] end) as settled_at
    from rollout_agents ra join rollouts r on r.id = ra.rollout_id`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    update rollout_agents ra
    set state = standing.state, offered_at = standing.offered_at, settled_at = standing.settled_at
    from rollout_standings standing
    where standing.rollout_id = ra.rollout_id and standing.uid = ra.uid
      and ra.state = 'waiting' and standing.state <> 'waiting'`.execute(db);
  await sql`drop view rollout_standings`.execute(db);
  await sql`drop function rollout_agent_state`.execute(db);
  await sql`alter table rollouts drop column waves_offered, drop column waves_settled`.execute(db);
}
