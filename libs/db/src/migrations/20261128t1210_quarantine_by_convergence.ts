import { sql, type Kysely } from 'kysely';

/** Convergence puts cohorts in quarantine too. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // Null: convergence made it.
  await sql`alter table cohort_quarantines alter column rollout_id drop not null`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`delete from cohort_quarantines where rollout_id is null`.execute(db);
  await sql`alter table cohort_quarantines alter column rollout_id set not null`.execute(db);
}
