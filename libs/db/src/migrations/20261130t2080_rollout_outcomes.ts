import { sql, type Kysely } from 'kysely';

/** ADR 0031: what an agent made of its offer stays when it is taken back; some agents cannot say what they made of it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table rollout_agents
      -- written when it is taken back, and its state is overwritten: what it had made of the offer, and why
      -- applied, failed, noAnswer, unconfirmed
      add column outcome text,
      add column outcome_reason text not null default '',
      -- there is one more now, unconfirmed; a new check would bind the release before
      drop constraint rollout_agents_state_check`.execute(db);
  await sql`create or replace view rollout_standings as ${standings(sql`, ${outcome} as outcome, ${outcomeReason} as outcome_reason`)}`.execute(
    db,
  );
}

const state = sql`
  case
    when ra.state = 'waiting' and r.waves_offered[ra.wave + 1] is null and c.state <> 'running' then 'stopped'
    else rollout_agent_state(
      ra.state, r.waves_offered[ra.wave + 1], r.waves_settled[ra.wave + 1],
      -- looked up for agents of waves under way alone
      (select s.remote_config_hash = ra.hash and s.remote_config_status = 1
        from agent_states s where s.uid = ra.uid))
  end`;

const outcome = sql`
  coalesce(ra.outcome, case
    when ra.state = 'failed' and ra.no_answer then 'noAnswer'
    when ra.state in ('applied', 'failed', 'unconfirmed') then ra.state
    when ra.state = 'waiting' and ${state} = 'applied' then 'applied'
  end)`;

const outcomeReason = sql`case when ra.state = 'failed' then ra.error else ra.outcome_reason end`;

function standings(more: ReturnType<typeof sql>) {
  return sql`
    select ra.rollout_id, ra.uid, ra.wave, ra.hash, ra.error, ra.cohort, ra.no_answer, ${state} as state,
      coalesce(ra.offered_at, case when ra.state = 'waiting' then r.waves_offered[ra.wave + 1] end) as offered_at,
      coalesce(ra.settled_at, case when ra.state = 'waiting' then r.waves_settled[ra.wave + 1] end) as settled_at
      ${more}
    from rollout_agents ra join rollouts r on r.id = ra.rollout_id
    left join rollout_cohorts c on c.rollout_id = ra.rollout_id and c.cohort = ra.cohort`;
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop view rollout_standings`.execute(db);
  await sql`create view rollout_standings as ${standings(sql``)}`.execute(db);
  await sql`update rollout_agents set state = 'applied' where state = 'unconfirmed'`.execute(db);
  await sql`
    alter table rollout_agents
      drop column outcome, drop column outcome_reason,
      add constraint rollout_agents_state_check check (state in
        ('waiting','offered','applied','failed','deferred','quarantined','rolledBack','stopped'))`.execute(
    db,
  );
}
