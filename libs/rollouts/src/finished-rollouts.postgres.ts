import type { Database } from '@muster/db/schema';
import { sql, type Kysely } from 'kysely';

/** The newest of each fleet stay, however old they are. */
const keptOfEachFleet = 10;

/**
 * Takes away rollouts that finished long ago, with their agents and events. Those stay by which an agent has its
 * target, and those that hold a kind of agents in quarantine.
 */
export class FinishedRollouts {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Deletes at most so many rows of one rollout that finished before `before`. Answers how many; 0: there is none. */
  async delete(before: Date, atMost: number): Promise<number> {
    const { rows: outdated } = await sql<{ id: string }>`
      select r.id from (
        select id, finished_at, row_number() over (partition by fleet order by created_at desc) as place
        from rollouts
      ) r
      where r.finished_at < ${before} and r.place > ${keptOfEachFleet}
        and not exists (select from agent_configurations c where c.rollout_id = r.id)
        and not exists (select from cohort_quarantines q where q.rollout_id = r.id and q.lifted_at is null)
      order by r.finished_at limit 1`.execute(this.#db);
    const id = outdated[0]?.id;
    if (id === undefined) return 0;
    const agents = await sql`
      delete from rollout_agents where rollout_id = ${id} and uid in (
        select uid from rollout_agents where rollout_id = ${id} order by uid limit ${atMost})`.execute(
      this.#db,
    );
    if (Number(agents.numAffectedRows ?? 0n) === atMost) return atMost;
    await sql`delete from rollouts where id = ${id}`.execute(this.#db);
    // There may be another one.
    return atMost;
  }

  /** Deletes quarantines that were lifted before `before`. Answers how many. */
  async deleteLifted(before: Date, atMost: number): Promise<number> {
    const { numAffectedRows } = await sql`
      delete from cohort_quarantines where id in (
        select id from cohort_quarantines where lifted_at < ${before} limit ${atMost})`.execute(this.#db);
    return Number(numAffectedRows ?? 0n);
  }
}
