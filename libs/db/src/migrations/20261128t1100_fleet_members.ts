import { sql, type Kysely } from 'kysely';

/**
 * Which fleet an agent is in, apart from what selectors search: an agent that moves costs a narrow row, not a wide
 * one with its entries in the index of everything it says.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  // An agent in no fleet has no row. Who reads it joins agents: one that was deleted just then may leave its row.
  await sql`create table fleet_members (uid uuid primary key, fleet text not null)`.execute(db);
  await sql`
    insert into fleet_members (uid, fleet) select uid, fleet from agents where fleet is not null order by uid`.execute(
    db,
  );
  await sql`create index fleet_members_fleet on fleet_members (fleet, uid)`.execute(db);
  await sql`alter table agents drop column fleet`.execute(db); // and the index on it
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table agents add column fleet text`.execute(db);
  await sql`
    update agents set fleet = members.fleet from fleet_members members where members.uid = agents.uid`.execute(
    db,
  );
  await sql`create index agents_fleet on agents (fleet, uid) where fleet is not null`.execute(db);
  await sql`drop table fleet_members`.execute(db);
}
