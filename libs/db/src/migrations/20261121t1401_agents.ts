import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  // What is searched: changes when an agent's description or an operator's labels do.
  await sql`
    create table agents (
      uid uuid primary key,
      name text not null default '',
      type text not null default '',
      version text not null default '',
      os text not null default '',
      arch text not null default '',
      hostname text not null default '',
      -- attribute → text, identifying and non-identifying together: what selectors match
      attributes jsonb not null default '{}',
      labels jsonb not null default '{}',
      -- a label wins over an attribute of the same name
      matching jsonb not null generated always as (attributes || labels) stored,
      description bytea, -- the protobuf AgentDescription as the agent sent it
      description_order bigint[],
      fleet text,
      enrollment_token_id uuid, -- let it in for the first time
      enrolled_at timestamptz not null default now()
    ) with (fillfactor = 80)`.execute(db);
  await sql`create index agents_matching on agents using gin (matching jsonb_path_ops)`.execute(db);
  await sql`create index agents_fleet on agents (fleet, uid)`.execute(db);

  // What changes often. No index beyond the key, so that updates stay on their page (HOT).
  // *_order is [epoch, sequence_num] of the report that set the field: arrays compare element by
  // element, so a late report never overwrites a newer one, field by field.
  await sql`
    create table agent_states (
      uid uuid primary key,
      epoch bigint not null default 0,
      sequence_num numeric(20) not null default 0,
      capabilities numeric(20) not null default 0,
      capabilities_order bigint[],
      health bytea, -- the protobuf ComponentHealth as the agent sent it
      healthy boolean, -- null: unknown
      health_order bigint[],
      effective_config_hash bytea, -- report_contents
      effective_config_order bigint[],
      available_components_hash bytea, -- report_contents
      available_components_order bigint[],
      package_statuses_hash bytea, -- report_contents
      package_statuses_order bigint[],
      custom_capabilities text[],
      custom_capabilities_order bigint[],
      connection_settings_status jsonb,
      connection_settings_status_order bigint[],
      remote_config_hash bytea,
      remote_config_status integer, -- RemoteConfigStatuses: 0 unset, 1 applied, 2 applying, 3 failed
      remote_config_error text,
      remote_config_status_order bigint[],
      applied_config_hash bytea, -- the last hash reported APPLIED
      applied_at timestamptz,
      applied_order bigint[],
      offered_config_hash bytea, -- the last hash its gateway sent
      offered_at timestamptz,
      offer_error text,
      offered_order bigint[], -- [epoch, sequence_num, Unix ms]: several offers may follow one report
      connected boolean not null default false,
      connected_at timestamptz,
      disconnected_at timestamptz,
      connection_order bigint[], -- [epoch, 0], or [epoch, 1] once that connection has ended
      transport smallint not null default 0, -- 0 WebSocket, 1 plain HTTP
      remote_address text not null default '',
      gateway text not null default '',
      enrollment_token_id uuid, -- let this connection in
      peer_order bigint[],
      last_seen_at timestamptz not null default now()
    ) with (fillfactor = 70)`.execute(db);

  // Reported sub-messages, the same bytes once for the whole fleet, decoded when somebody looks.
  await sql`
    create table report_contents (
      hash bytea primary key, -- SHA-256 of body
      body bytea not null, -- the protobuf sub-message as the agent sent it
      first_seen_at timestamptz not null default now()
    )`.execute(db);

  // A configuration an agent said FAILED for. It is not offered to that agent again until lifted.
  await sql`
    create table config_failures (
      uid uuid not null,
      hash bytea not null,
      error text not null,
      failed_at timestamptz not null default now(),
      lifted_at timestamptz,
      primary key (uid, hash)
    )`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table config_failures, report_contents, agent_states, agents`.execute(db);
}
