import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table rollouts (
      id uuid primary key, -- UUIDv7: also the order
      fleet text not null references fleets (name) on delete cascade,
      configuration text not null,
      version integer not null,
      policy jsonb not null,
      state text not null check (state in
        ('scheduled','running','paused','completed','rollingBack','rolledBack','aborted','replaced')),
      wave integer not null default 0, -- the wave under way, from 0
      wave_count integer not null,
      wave_started_at timestamptz,
      wave_settled_at timestamptz, -- all of it applied: the soak began
      -- what people accepted by resuming after a breach, by wave: [{failed, unhealthy, disconnected}…]
      accepted jsonb not null default '[]',
      reason text not null default '', -- why it is in this state, for people
      created_at timestamptz not null default now(),
      created_by text not null,
      finished_at timestamptz,
      foreign key (configuration, version) references configuration_versions (configuration, version)
    )`.execute(db);
  // A fleet has one rollout under way; a newer one replaces it.
  await sql`
    create unique index rollouts_active on rollouts (fleet)
    where state in ('scheduled','running','paused','rollingBack')`.execute(db);
  await sql`
    create table rollout_agents (
      rollout_id uuid not null references rollouts (id) on delete cascade,
      uid uuid not null,
      wave integer not null,
      hash bytea not null, -- rendered config
      state text not null default 'waiting' check (state in
        ('waiting','offered','applied','failed','deferred','quarantined','rolledBack')),
      offered_at timestamptz,
      settled_at timestamptz,
      error text not null default '',
      primary key (rollout_id, uid)
    ) with (fillfactor = 70)`.execute(db);
  await sql`create index rollout_agents_wave on rollout_agents (rollout_id, wave, uid)`.execute(db);
  await sql`create index rollout_agents_uid on rollout_agents (uid)`.execute(db);
  await sql`
    create table rollout_events (
      id uuid primary key, -- UUIDv7: also the order
      rollout_id uuid not null references rollouts (id) on delete cascade,
      at timestamptz not null default now(),
      actor text not null,
      kind text not null, -- started, waveStarted, wavePassed, breached, paused, …
      detail jsonb not null default '{}' -- gate values and reasons
    )`.execute(db);
  await sql`create index rollout_events_rollout on rollout_events (rollout_id, id)`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table rollout_events, rollout_agents, rollouts`.execute(db);
}
