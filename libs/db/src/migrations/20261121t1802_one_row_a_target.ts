import { sql, type Kysely } from 'kysely';

/** ADR 0011: a target costs one row where it is set, and none where it is delivered. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // What has been set and may not be known to the offer cache and the gateways: a row for each change, not
  // a mark on each agent. Gone once delivered.
  await sql`
    create table undelivered_offers (
      id uuid primary key,
      agents uuid[] not null,
      made_at timestamptz not null default now()
    )`.execute(db);
  await sql`
    insert into undelivered_offers (id, agents)
    select gen_random_uuid(), array_agg(uid) from agent_configurations where delivered_at is null
    having count(*) > 0`.execute(db);
  await sql`
    alter table agent_configurations
      drop column delivered_at, -- and the index on it
      drop constraint agent_configurations_target_hash_fkey,
      drop constraint agent_configurations_previous_hash_fkey,
      drop constraint agent_configurations_desired_hash_fkey,
      -- so that updates stay on their page (HOT)
      set (fillfactor = 70)`.execute(db);
  // Every look-up by agent starts from the few rollouts under way and uses the key.
  await sql`drop index rollout_agents_wave, rollout_agents_uid`.execute(db);
  // The check of a row for each agent costs as much as the row. Rows are only ever made beside their rollout.
  await sql`alter table rollout_agents drop constraint rollout_agents_rollout_id_fkey`.execute(db);
  await sql`
    create function delete_agents_of_rollouts() returns trigger language plpgsql as $$
    begin
      delete from rollout_agents ra using gone where ra.rollout_id = gone.id;
      return null;
    end $$`.execute(db);
  await sql`
    create trigger rollouts_deleted after delete on rollouts
    referencing old table as gone
    for each statement execute function delete_agents_of_rollouts()`.execute(db);
  // Who refused what a rollout brings.
  await sql`create index config_failures_hash on config_failures (hash) where lifted_at is null`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop index config_failures_hash`.execute(db);
  await sql`drop trigger rollouts_deleted on rollouts`.execute(db);
  await sql`drop function delete_agents_of_rollouts`.execute(db);
  await sql`
    alter table rollout_agents add foreign key (rollout_id) references rollouts (id) on delete cascade`.execute(
    db,
  );
  await sql`create index rollout_agents_uid on rollout_agents (uid)`.execute(db);
  await sql`create index rollout_agents_wave on rollout_agents (rollout_id, wave, uid)`.execute(db);
  await sql`
    alter table agent_configurations
      reset (fillfactor),
      add column delivered_at timestamptz default now(),
      add foreign key (target_hash) references rendered_configs (hash),
      add foreign key (previous_hash) references rendered_configs (hash),
      add foreign key (desired_hash) references rendered_configs (hash)`.execute(db);
  await sql`alter table agent_configurations alter column delivered_at drop default`.execute(db);
  await sql`
    update agent_configurations c set delivered_at = null
    from undelivered_offers o where c.uid = any(o.agents)`.execute(db);
  await sql`
    create index agent_configurations_undelivered on agent_configurations (updated_at)
    where delivered_at is null`.execute(db);
  await sql`drop table undelivered_offers`.execute(db);
}
