import { sql, type Kysely } from 'kysely';

/** Rendered configs that nothing refers to are freed when nobody has rendered them for long. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table rendered_configs add column touched_at timestamptz not null default now()`.execute(
    db,
  );
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table rendered_configs drop column touched_at`.execute(db);
}
