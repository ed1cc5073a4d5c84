import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table configurations (
      name text primary key,
      description text not null default '',
      created_at timestamptz not null default now(),
      created_by text not null
    )`.execute(db);
  await sql`
    create table configuration_versions (
      configuration text not null references configurations (name) on delete cascade,
      version integer not null check (version > 0),
      body text not null,
      comment text not null default '',
      created_at timestamptz not null default now(),
      created_by text not null,
      primary key (configuration, version)
    )`.execute(db);
  await sql`
    create table rendered_configs (
      hash bytea primary key, -- config_hash: SHA-256 of the encoded AgentConfigMap
      remote_config bytea not null, -- encoded AgentRemoteConfig, ready to send
      files jsonb not null, -- file name → text, for people
      created_at timestamptz not null default now()
    )`.execute(db);
  await sql`
    create table fleets (
      name text primary key,
      selector text not null,
      priority integer not null default 0,
      -- the stable version: changed by completed rollouts alone
      configuration text,
      version integer,
      policy jsonb not null default '{}',
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      foreign key (configuration, version) references configuration_versions (configuration, version)
    )`.execute(db);
  // Desired state of one agent.
  await sql`
    create table agent_configurations (
      uid uuid primary key,
      -- what it should run
      target_configuration text,
      target_version integer,
      target_hash bytea references rendered_configs (hash),
      -- what it had confirmed before; where a rollback leads
      previous_configuration text,
      previous_version integer,
      previous_hash bytea references rendered_configs (hash),
      -- what gateways offer: the target, or the previous one after the target failed
      desired_hash bytea references rendered_configs (hash),
      rollout_id uuid,
      updated_at timestamptz not null default now(),
      -- null: the offer cache and the gateway may not have it yet
      delivered_at timestamptz
    )`.execute(db);
  await sql`create index agent_configurations_undelivered on agent_configurations (updated_at) where delivered_at is null`.execute(
    db,
  );
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table agent_configurations, fleets, rendered_configs, configuration_versions, configurations`.execute(
    db,
  );
}
