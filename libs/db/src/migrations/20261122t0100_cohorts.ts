import { sql, type Kysely } from 'kysely';

/** ADR 0015: gates and stops by cohort, starting later, catching up, quarantine of versions. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table rollouts
      add column start_at timestamptz, -- scheduled for; null: it started at once
      add column catching_up boolean not null default false, -- completed, and agents that were away still get their turn
      add column halted boolean not null default false, -- catching up stopped at a gate, until resumed
      add column reverted boolean not null default false, -- rolling back: every touched agent has been given what it had
      add column offers jsonb not null default '[]' -- the latest, for the pace: [{at: Unix ms, count}…]
  `.execute(db);
  // One rollout under way in a fleet, and one that will be.
  await sql`drop index rollouts_active`.execute(db);
  await sql`
    create unique index rollouts_active on rollouts (fleet)
    where state in ('running','paused','rollingBack')`.execute(db);
  await sql`create unique index rollouts_scheduled on rollouts (fleet) where state = 'scheduled'`.execute(db);
  await sql`create index rollouts_catching_up on rollouts (fleet) where catching_up`.execute(db);

  await sql`
    create table rollout_cohorts (
      rollout_id uuid not null references rollouts (id) on delete cascade,
      cohort smallint not null, -- from 0, the largest first
      -- what its agents reported when the rollout was planned; all null: everybody else
      type text,
      version text,
      os text,
      arch text,
      size integer not null,
      state text not null default 'running' check (state in ('running','stopped','rolledBack')),
      reason text not null default '', -- why it stopped, for people
      primary key (rollout_id, cohort)
    )`.execute(db);
  // How large the parts of the waves are, and what was wrong with agents that had applied it when the wave passed.
  await sql`
    create table rollout_waves (
      rollout_id uuid not null references rollouts (id) on delete cascade,
      wave integer not null,
      cohort smallint not null,
      size integer not null,
      unhealthy integer not null default 0,
      disconnected integer not null default 0,
      primary key (rollout_id, wave, cohort)
    )`.execute(db);
  await sql`
    alter table rollout_agents
      add column cohort smallint not null default 0,
      add column no_answer boolean, -- true: failed because it said nothing in time
      add column inputs uuid, -- for agent_renderings, once it is offered; null: every agent gets the same
      drop constraint rollout_agents_state_check,
      add constraint rollout_agents_state_check check (state in
        ('waiting','offered','applied','failed','deferred','quarantined','rolledBack','stopped'))`.execute(
    db,
  );
  await sql`
    insert into rollout_cohorts (rollout_id, cohort, size)
    select rollout_id, 0, count(*) from rollout_agents group by rollout_id`.execute(db);
  await sql`
    insert into rollout_waves (rollout_id, wave, cohort, size)
    select rollout_id, wave, 0, count(*) from rollout_agents group by rollout_id, wave`.execute(db);
  // What people accepted, by wave and cohort: [{wave, cohort, failed, unhealthy, disconnected, notConverged}…]
  await sql`
    update rollouts set accepted = (
      select coalesce(jsonb_agg(
        jsonb_build_object('wave', place - 1, 'cohort', 0, 'notConverged', 0) || entry order by place), '[]')
      from jsonb_array_elements(accepted) with ordinality as entries (entry, place))`.execute(db);
  // A look at a rollout reads its wave, and of the waves before who does not go the way of its wave.
  await sql`create index rollout_agents_wave on rollout_agents (rollout_id, wave)`.execute(db);
  await sql`
    create index rollout_agents_different on rollout_agents (rollout_id, wave)
    where state not in ('waiting','applied')`.execute(db);
  await replaceStandings(
    db,
    sql`ra.cohort, ra.no_answer,`,
    sql`
      case
        when ra.state = 'waiting' and r.waves_offered[ra.wave + 1] is null and c.state <> 'running' then 'stopped'
        else ${stateOfAgent}
      end`,
    sql`left join rollout_cohorts c on c.rollout_id = ra.rollout_id and c.cohort = ra.cohort`,
  );

  await sql`
    alter table config_failures
      add column id uuid not null generated always as (md5(uuid_send(uid) || hash)::uuid) stored,
      add column lifted_by text`.execute(db);
  await sql`create unique index config_failures_id on config_failures (id)`.execute(db);
  // No agent of the cohort is offered the version until it is lifted.
  await sql`
    create table cohort_quarantines (
      id uuid primary key,
      configuration text not null,
      version integer not null,
      type text not null,
      agent_version text not null,
      os text not null,
      arch text not null,
      fleet text not null, -- of the rollout that showed it
      rollout_id uuid not null,
      reason text not null,
      made_at timestamptz not null,
      lifted_at timestamptz,
      lifted_by text
    )`.execute(db);
  await sql`
    create unique index cohort_quarantines_open
    on cohort_quarantines (configuration, version, type, agent_version, os, arch) where lifted_at is null`.execute(
    db,
  );
}

const stateOfAgent = sql`rollout_agent_state(
  ra.state, r.waves_offered[ra.wave + 1], r.waves_settled[ra.wave + 1],
  -- looked up for agents of waves under way alone
  (select s.remote_config_hash = ra.hash and s.remote_config_status = 1
    from agent_states s where s.uid = ra.uid))`;

async function replaceStandings(
  db: Kysely<unknown>,
  columns: ReturnType<typeof sql>,
  state: ReturnType<typeof sql>,
  joins: ReturnType<typeof sql>,
): Promise<void> {
  await sql`drop view rollout_standings`.execute(db);
  await sql`
    create view rollout_standings as
    select ra.rollout_id, ra.uid, ra.wave, ra.hash, ra.error, ${columns} ${state} as state,
      coalesce(ra.offered_at, case when ra.state = 'waiting' then r.waves_offered[ra.wave + 1] end) as offered_at,
      coalesce(ra.settled_at, case when ra.state = 'waiting' then r.waves_settled[ra.wave + 1] end) as settled_at
    from rollout_agents ra join rollouts r on r.id = ra.rollout_id ${joins}`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table cohort_quarantines`.execute(db);
  await sql`alter table config_failures drop column id, drop column lifted_by`.execute(db);
  await replaceStandings(db, sql``, stateOfAgent, sql``);
  await sql`drop index rollout_agents_different, rollout_agents_wave`.execute(db);
  await sql`update rollout_agents set state = 'deferred' where state = 'stopped'`.execute(db);
  await sql`
    alter table rollout_agents
      drop column cohort,
      drop column no_answer,
      drop column inputs,
      drop constraint rollout_agents_state_check,
      add constraint rollout_agents_state_check check (state in
        ('waiting','offered','applied','failed','deferred','quarantined','rolledBack'))`.execute(db);
  await sql`drop table rollout_waves, rollout_cohorts`.execute(db);
  await sql`update rollouts set accepted = '[]'`.execute(db);
  await sql`update rollouts set state = 'aborted' where state = 'scheduled'`.execute(db);
  await sql`drop index rollouts_active, rollouts_scheduled, rollouts_catching_up`.execute(db);
  await sql`
    create unique index rollouts_active on rollouts (fleet)
    where state in ('scheduled','running','paused','rollingBack')`.execute(db);
  await sql`
    alter table rollouts
      drop column start_at, drop column catching_up, drop column halted, drop column reverted,
      drop column offers`.execute(db);
}
