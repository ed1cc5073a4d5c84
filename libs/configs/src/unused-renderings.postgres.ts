import { binaryArray } from '@muster/db/binary-array';
import type { Database } from '@muster/db/schema';
import { sql, type Kysely } from 'kysely';

/** Renderings that one pass frees. */
const freedInAPass = 50_000;

/** Frees rendered configs that no agent runs or should run, and that no rollout shows. */
export class UnusedRenderings {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Hashes of what nothing refers to and no process has rendered since `before`. One walk over all agents. */
  async find(before: Date): Promise<Buffer[]> {
    const { rows } = await sql<{ hash: Buffer }>`
      with used as (
        select distinct hash from (
          select target_hash as hash from agent_configurations
          union all select previous_hash from agent_configurations
          union all select desired_hash from agent_configurations
          union all select hash from rollout_agents
          union all select hash from agent_renderings
          union all select remote_config_hash from agent_states
          union all select offered_config_hash from agent_states
          union all select applied_config_hash from agent_states
          union all select hash from config_failures
        ) referring where hash is not null
      )
      select config.hash from rendered_configs config
      where config.touched_at < ${before} and not exists (select from used where used.hash = config.hash)
      order by config.touched_at limit ${freedInAPass}`.execute(this.#db);
    return rows.map(({ hash }) => hash);
  }

  /** Deletes these, unless somebody has rendered them again since. Answers how many. */
  async free(hashes: readonly Buffer[], before: Date): Promise<number> {
    const { rows } = await sql<{ count: number }>`
      with freed as (
        delete from rendered_configs
        where hash = any(${binaryArray('bytea', hashes)}::bytea[]) and touched_at < ${before}
        returning hash
      ),
      versions as (delete from rendered_versions v using freed where v.hash = freed.hash),
      comparisons as (delete from effective_comparisons c using freed where c.rendered_hash = freed.hash)
      select count(*)::int as count from freed`.execute(this.#db);
    return rows[0]!.count;
  }
}
