import type { Database } from '@muster/db/schema';
import { transact } from '@muster/db/transaction';
import type { EventBus } from '@muster/messages/event-bus';
import { sql, type Kysely } from 'kysely';
import { deleteAgents } from './agent-deletion.postgres.ts';
import type { AgentId } from './agent-id.ts';
import type { Presence } from './presence.ts';

export interface DepartedAgentsDeps {
  readonly db: Kysely<Database>;
  readonly presence: Pick<Presence, 'locate' | 'forget'>;
  readonly bus: Pick<EventBus, 'publish'>;
}

/** Forgets agents that left long ago: each Pod of a collector may be an agent of its own. */
export class DepartedAgents {
  readonly #deps: DepartedAgentsDeps;

  constructor(deps: DepartedAgentsDeps) {
    this.#deps = deps;
  }

  /**
   * Deletes at most so many agents that no gateway has heard since `before`, as `AgentStore.delete` does. Answers how
   * many there were.
   */
  async forget(before: Date, atMost: number): Promise<number> {
    const { db, presence, bus } = this.#deps;
    const gone = await transact(db, async (tx) => {
      const { rows } = await sql<{ uid: AgentId }>`
        select uid from agent_states
        where not connected and greatest(last_seen_at, disconnected_at) < ${before}
        order by last_seen_at limit ${atMost} for update skip locked`.execute(tx.db);
      const departed = rows.map(({ uid }) => uid);
      // A gateway may have taken one in a moment ago.
      const held = await presence.locate(departed);
      return deleteAgents(
        tx,
        departed.filter((uid) => !held.has(uid)),
      );
    });
    if (gone.length === 0) return 0;
    await presence.forget(gone);
    await bus.publish('agents.changed', { agents: gone.map((uid) => ({ uid, changes: ['deleted'] })) });
    return gone.length;
  }

  /** Deletes what is kept of agents that are no more: failures that hold them back, and former names. Answers how many. */
  async forgetTraces(before: Date, atMost: number): Promise<number> {
    const { rows } = await sql<{ count: number }>`
      with failures as (
        delete from config_failures where id in (
          select f.id from config_failures f
          where f.failed_at < ${before} and not exists (select from agents where agents.uid = f.uid)
          limit ${atMost})
        returning 1
      ),
      renames as (
        delete from agent_renames where former in (
          select r.former from agent_renames r
          where r.renamed_at < ${before} and not exists (select from agents where agents.uid = r.uid)
          limit ${atMost})
        returning 1
      )
      select greatest((select count(*) from failures), (select count(*) from renames))::int as count`.execute(
      this.#deps.db,
    );
    return rows[0]!.count;
  }
}
