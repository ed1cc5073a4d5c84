import { sql, type Kysely } from 'kysely';

/** What is found out about what agents report: credentials in it, and where it is not what it should be. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // Of effective configs that were redacted; `hash` is that of what was reported, as in report_contents.
  await sql`
    create table effective_config_findings (
      hash bytea primary key,
      findings jsonb not null -- [{file, line, column, kind}…]
    )`.execute(db);
  // What was rendered against what was reported, each pair compared once.
  await sql`
    create table effective_comparisons (
      rendered_hash bytea not null,
      effective_hash bytea not null,
      differs boolean not null,
      detail jsonb not null, -- the first paths that differ
      primary key (rendered_hash, effective_hash)
    )`.execute(db);
  await sql`
    create table agent_drifts (
      uid uuid primary key,
      kind text not null check (kind in ('effective', 'unknown', 'unconfirmed')),
      desired_hash bytea, -- what the agent should have
      reported_hash bytea, -- what it has instead: an effective config's for 'effective', else a remote config's
      since timestamptz not null,
      detail jsonb not null, -- paths that differ
      tries integer not null default 0,
      next_at timestamptz not null, -- of the next try
      repair text not null default 'pending' check (repair in ('pending', 'forbidden', 'notRepaired')),
      reason text not null default '' -- why it is not repaired
    )`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table agent_drifts`.execute(db);
  await sql`drop table effective_comparisons`.execute(db);
  await sql`drop table effective_config_findings`.execute(db);
}
