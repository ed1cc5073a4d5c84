import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table api_keys (
      id uuid primary key,
      name text not null,
      -- SHA-256 of the secret; secrets have 256 random bits, so a slow hash adds nothing
      secret_hash bytea not null unique,
      created_at timestamptz not null default now(),
      last_used_at timestamptz,
      revoked_at timestamptz
    )`.execute(db);
  await sql`
    create table sessions (
      secret_hash bytea primary key,
      api_key_id uuid not null references api_keys (id) on delete cascade,
      created_at timestamptz not null default now(),
      expires_at timestamptz not null
    )`.execute(db);
  await sql`
    create table enrollment_tokens (
      id uuid primary key,
      name text not null,
      secret_hash bytea not null unique,
      labels jsonb not null default '{}',
      max_uses integer check (max_uses > 0),
      expires_at timestamptz,
      created_at timestamptz not null default now(),
      created_by text not null,
      revoked_at timestamptz
    )`.execute(db);
  await sql`
    create table enrollments (
      enrollment_token_id uuid not null references enrollment_tokens (id) on delete cascade,
      uid uuid not null,
      enrolled_at timestamptz not null default now(),
      primary key (enrollment_token_id, uid)
    )`.execute(db);
  await sql`
    create table audit_events (
      id uuid primary key, -- UUIDv7: also the order
      at timestamptz not null default now(),
      actor text not null, -- api-key:<name>, session:<key name>, system
      action text not null, -- configurations.create, rollouts.pause, …
      resource text not null, -- kind/name
      detail jsonb not null default '{}'
    )`.execute(db);
  await sql`create index audit_events_resource on audit_events (resource, id)`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table audit_events, enrollments, enrollment_tokens, sessions, api_keys`.execute(db);
}
