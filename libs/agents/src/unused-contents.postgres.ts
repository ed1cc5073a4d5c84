import { binaryArray } from '@muster/db/binary-array';
import type { Database } from '@muster/db/schema';
import { sql, type Kysely } from 'kysely';
import { contentsLock } from './report-contents.postgres.ts';

/** Contents that one transaction frees: those who store wait for it. */
const freedAtOnce = 200;
/** Contents that one pass frees. */
const freedInAPass = 20_000;

/**
 * For how long contents stay that nothing refers to, counted from when somebody last reported them. A writer
 * stores a content, or has done so within ten minutes, before it refers to it: both times are far longer. Gateways
 * and Presence know a list of components by its name for a day and a half after it was reported.
 */
export const contentsKept = { reportedHours: 1, namedHours: 72 };

/** Frees what agents reported and none refers to any more: they were deleted, or moved on to something else. */
export class UnusedContents {
  readonly #db: Kysely<Database>;
  readonly #kept: typeof contentsKept;

  constructor(db: Kysely<Database>, kept = contentsKept) {
    this.#db = db;
    this.#kept = kept;
  }

  /**
   * Frees what is unused, with its findings and comparisons, a little at a time with a `pause` in between. Answers
   * how many contents. Any number of processes may do so at once; ends early when `stopping`.
   */
  async free(
    pause: () => Promise<void> = async () => {},
    stopping: () => boolean = () => false,
  ): Promise<number> {
    const unused = await this.#find();
    let freed = 0;
    for (let start = 0; start < unused.length && !stopping(); start += freedAtOnce) {
      if (start > 0) await pause();
      freed += await this.#free(unused.slice(start, start + freedAtOnce));
    }
    // They are made again where that is needed.
    if (freed > 0) {
      await sql`
        delete from effective_comparisons compared
        where not exists (select from report_contents where hash = compared.effective_hash)`.execute(
        this.#db,
      );
    }
    return freed;
  }

  /** One walk over the states of all agents. */
  async #find(): Promise<Buffer[]> {
    const { rows } = await sql<{ hash: Buffer }>`
      with used as (
        select distinct field.hash from agent_states s
        cross join lateral (
          values (s.effective_config_hash), (s.available_components_hash), (s.package_statuses_hash)
        ) as field (hash)
        where field.hash is not null
      )
      select content.hash from report_contents content
      where ${this.#isOld('content')} and not exists (select from used where used.hash = content.hash)
      order by content.touched_at
      limit ${freedInAPass}`.execute(this.#db);
    return rows.map(({ hash }) => hash);
  }

  /** Whoever came to refer to one of them since has touched it first, so that it is not old any more. */
  async #free(hashes: readonly Buffer[]): Promise<number> {
    return this.#db.transaction().execute(async (db) => {
      await sql`select pg_advisory_xact_lock(${contentsLock})`.execute(db);
      const freed = await sql<{ hash: Buffer }>`
        with old as (
          select content.hash from report_contents content
          where content.hash = any(${binaryArray('bytea', hashes)}::bytea[]) and ${this.#isOld('content')}
          order by content.hash for update
        )
        delete from report_contents content using old where content.hash = old.hash
        returning content.hash`.execute(db);
      const gone = binaryArray(
        'bytea',
        freed.rows.map(({ hash }) => hash),
      );
      await sql`delete from effective_config_findings where hash = any(${gone}::bytea[])`.execute(db);
      return freed.rows.length;
    });
  }

  #isOld(content: string) {
    return sql`${sql.ref(`${content}.touched_at`)} < now() - case
      when ${sql.ref(`${content}.named`)} then make_interval(hours => ${this.#kept.namedHours})
      else make_interval(hours => ${this.#kept.reportedHours})
    end`;
  }
}
