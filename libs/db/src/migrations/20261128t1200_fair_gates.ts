import { sql, type Kysely } from 'kysely';

/** ADR 0015: gates on health and connections by default, and people accept what a breach has shown. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table rollout_agents
      add column was_unhealthy boolean -- true: it said so before the rollout, and is not counted as unhealthy
  `.execute(db);
  await sql`
    alter table rollouts
      -- what stopped it, until a person goes on with it: [{gate, wave, cohort or null: all}…]
      add column breaches jsonb not null default '[]'`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table rollouts drop column breaches`.execute(db);
  await sql`alter table rollout_agents drop column was_unhealthy`.execute(db);
}
