import { sql, type Kysely } from 'kysely';

/** A preset key is replaced when another one is preset. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table api_keys add column preset boolean not null default false`.execute(db);
  await sql`
    update api_keys set preset = true
    where 'api-key/' || id in (
      select resource from audit_events where action = 'api-keys.create' and detail ->> 'preset' = 'true'
    )`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table api_keys drop column preset`.execute(db);
}
