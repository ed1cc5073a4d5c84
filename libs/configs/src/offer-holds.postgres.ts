import type { Database } from '@muster/db/schema';
import type { Tx } from '@muster/db/transaction';
import { sql, type Kysely } from 'kysely';
import type { DatabaseGeneration, OfferHold, OfferHoldAgents, OfferHoldDecision } from './offer-hold.ts';

/** The generation of this database, and the hold of offers that a restore brings. */
export class OfferHolds {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** One step on. */
  async advance(): Promise<{ generation: DatabaseGeneration; hold: OfferHold | null }> {
    const row = await this.#db
      .updateTable('database_generation')
      .set((eb) => ({ number: eb('number', '+', '1') }))
      .returning(['lineage', 'number', 'held_since', 'held_reason'])
      .executeTakeFirstOrThrow();
    return { generation: { lineage: row.lineage, number: Number(row.number) }, hold: holdOf(row) };
  }

  /** Null: offers are made. */
  async find(db: Kysely<Database> = this.#db): Promise<OfferHold | null> {
    const row = await db
      .selectFrom('database_generation')
      .select(['held_since', 'held_reason'])
      .executeTakeFirstOrThrow();
    return holdOf(row);
  }

  /** Does the database give any agent something to run? Without that there is nothing to hold. */
  async hasTargets(): Promise<boolean> {
    const { rows } = await sql<{ found: boolean }>`
      select exists (select from agent_configurations where desired_hash is not null) as found`.execute(
      this.#db,
    );
    return rows[0]!.found;
  }

  /** Holds offers, if they are not held yet, and moves the generation beyond any that somebody has noted. */
  async hold(reason: string, beyond: number): Promise<void> {
    await sql`
      update database_generation
      set held_since = coalesce(held_since, now()), held_reason = coalesce(held_reason, ${reason}),
        number = greatest(number, ${beyond}) + 1`.execute(this.#db);
  }

  /** What agents have shown since a moment. */
  async agentsSince(since: Date): Promise<OfferHoldAgents> {
    const { rows } = await sql<OfferHoldAgents>`
      select count(*)::int as connected,
        count(*) filter (where s.last_seen_at >= ${since})::int as reported,
        count(*) filter (where s.last_seen_at >= ${since}
          and s.remote_config_hash is distinct from c.desired_hash)::int as differ,
        count(*) filter (where s.last_seen_at >= ${since} and length(s.remote_config_hash) > 0
          and rendered.hash is null)::int as unknown
      from agent_states s
      join agent_configurations c on c.uid = s.uid
      left join rendered_configs rendered on rendered.hash = s.remote_config_hash
      where s.connected and c.desired_hash is not null`.execute(this.#db);
    return rows[0]!;
  }

  /**
   * Ends the hold. Targets stay only of agents that have said since that they run them: all others get theirs
   * by convergence, at their fleet's pace, if their fleet has a stable version (see `OfferHoldDecision`).
   * Answers null when there is no hold.
   */
  async release(
    tx: Tx,
    decision: OfferHoldDecision,
  ): Promise<{ withoutTarget: number; fleets: string[] } | null> {
    const held = await tx.db
      .selectFrom('database_generation')
      .select(['held_since', 'held_reason'])
      .forUpdate()
      .executeTakeFirstOrThrow();
    const hold = holdOf(held);
    if (hold === null) return null;
    const fleets = decision === 'agents' ? await this.#leaveStableVersions(tx, hold.since) : [];
    const { rows } = await sql<{ count: number }>`
      with gone as (
        delete from agent_configurations c
        where not exists (
          select from agent_states s
          where s.uid = c.uid and s.last_seen_at >= ${hold.since} and s.remote_config_hash = c.desired_hash)
        returning uid
      ),
      renderings as (delete from agent_renderings r using gone where r.uid = gone.uid),
      drifts as (delete from agent_drifts d using gone where d.uid = gone.uid)
      select count(*)::int as count from gone`.execute(tx.db);
    await sql`delete from undelivered_offers`.execute(tx.db);
    await sql`update database_generation set held_since = null, held_reason = null`.execute(tx.db);
    return { withoutTarget: rows[0]!.count, fleets };
  }

  /** Fleets of which a connected agent runs something else. Answers their names. */
  async #leaveStableVersions(tx: Tx, since: Date): Promise<string[]> {
    const { rows } = await sql<{ name: string }>`
      update fleets set configuration = null, version = null, updated_at = now()
      where version is not null and exists (
        select from fleet_members members
        join agent_states s on s.uid = members.uid
        join agent_configurations c on c.uid = members.uid
        where members.fleet = fleets.name and s.last_seen_at >= ${since}
          and s.remote_config_hash is distinct from c.desired_hash)
      returning name`.execute(tx.db);
    return rows.map(({ name }) => name).toSorted();
  }
}

function holdOf(row: { held_since: Date | null; held_reason: string | null }): OfferHold | null {
  return row.held_since && { since: row.held_since, reason: row.held_reason ?? '' };
}
