import type { Database } from '@muster/db/schema';
import type { Transport } from '@muster/messages/report-frame';
import { sql, type Kysely } from 'kysely';
import type { AgentId } from './agent-id.ts';
import { storedOwner } from './owner.ts';
import type { RenameRecord, SeedRecord } from './presence.ts';
import { transportNumber } from './report-columns.ts';

/** An agent whose row says that it is connected, and the connection the row means. */
export interface ConnectedRow {
  agent: AgentId;
  epoch: number;
  transport: Transport;
}

const pageSize = 5000;

/** Reads where sessions stood when agents last reported, to rebuild Presence and to check against it. */
export class AgentSessions {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Every agent's session, page by page. */
  all(): AsyncGenerator<SeedRecord[]> {
    return pages(async (after) => {
      const rows = await this.#page(after)
        .select([
          'agent_states.epoch',
          'agent_states.sequence_num',
          'agent_states.last_seen_at',
          'agent_states.capabilities',
          'agent_states.enrollment_token_id',
          'agent_states.certificate_identity',
          'agent_states.remote_address',
        ])
        .execute();
      return rows.map((row) => ({
        agent: row.uid as AgentId,
        epoch: Number(row.epoch),
        sequenceNum: Number(row.sequence_num),
        lastSeen: row.last_seen_at.getTime(),
        capabilities: Number(row.capabilities),
        owner: storedOwner(row.enrollment_token_id, row.certificate_identity),
        remoteAddress: row.remote_address,
      }));
    });
  }

  /** Every agent that was given another uid: what it was called before, and what it is called now. */
  async renames(): Promise<RenameRecord[]> {
    const rows = await this.#db
      .selectFrom('agent_renames')
      .select(['agent_renames.former', 'agent_renames.uid'])
      .execute();
    return rows.map(({ former, uid }) => ({ former: former as AgentId, successor: uid as AgentId }));
  }

  /** Every agent whose row says connected over `transport`, page by page. */
  connected(transport: Transport): AsyncGenerator<ConnectedRow[]> {
    return pages(async (after) => {
      const rows = await this.#page(after)
        .select(sql<string>`agent_states.connection_order / 2`.as('epoch'))
        .where('agent_states.connected', '=', true)
        .where('agent_states.transport', '=', transportNumber(transport))
        .execute();
      return rows.map((row) => ({ agent: row.uid as AgentId, epoch: Number(row.epoch), transport }));
    });
  }

  /**
   * The agents of the next 5,000 rows after `after` whose row says connected, and where the page after that goes on
   * (null: there is none). Costs the same however few are connected.
   */
  async page(after: AgentId | null): Promise<{ connected: ConnectedRow[]; last: AgentId | null }> {
    const { rows } = await sql<{
      uid: string;
      epoch: string;
      transport: number;
      connected: boolean;
      full: boolean;
    }>`
      with page as materialized (
        select uid, connection_order / 2 as epoch, transport, connected from agent_states
        where ${after === null ? sql`true` : sql`uid > ${after}`}
        order by uid limit ${pageSize}
      ), last as (select uid from page order by uid desc limit 1)
      select page.*, (select count(*) from page) = ${pageSize} as full
      from page where connected or uid = (select uid from last)
      order by uid`.execute(this.#db);
    const connected = rows
      .filter((row) => row.connected)
      .map((row) => ({
        agent: row.uid as AgentId,
        epoch: Number(row.epoch),
        transport: row.transport === transportNumber('http') ? ('http' as const) : ('websocket' as const),
      }));
    const end = rows.at(-1);
    return { connected, last: end?.full ? (end.uid as AgentId) : null };
  }

  /** Which of these agents spoke over plain HTTP last. */
  async polling(agents: readonly AgentId[]): Promise<Set<AgentId>> {
    const rows = await this.#db
      .selectFrom('agent_states')
      .select('uid')
      .where('transport', '=', transportNumber('http'))
      .where(sql<boolean>`uid = any(${agents}::uuid[])`)
      .execute();
    return new Set(rows.map(({ uid }) => uid as AgentId));
  }

  /**
   * Marks agents as disconnected whose connection nobody holds, unless a newer one was reported since.
   * A later report of the very same connection shows that it lives after all. Answers the marked ones.
   */
  async markLost(rows: readonly ConnectedRow[]): Promise<AgentId[]> {
    const lost = await this.#db
      .with('lost', (db) =>
        // Locked in one order, as all writers do.
        db
          .selectFrom('agent_states')
          .select('agent_states.uid')
          .where('agent_states.connected', '=', true)
          .where(
            sql<boolean>`(agent_states.uid, agent_states.connection_order / 2) in (
              select * from unnest(
                ${rows.map(({ agent }) => agent)}::uuid[],
                ${rows.map(({ epoch }) => epoch)}::bigint[]
              )
            )`,
          )
          .orderBy('agent_states.uid')
          .forUpdate(),
      )
      .updateTable('agent_states')
      .from('lost')
      .set({ connected: false, disconnected_at: sql<Date>`now()` })
      .whereRef('agent_states.uid', '=', 'lost.uid')
      .returning('agent_states.uid')
      .execute();
    return lost.map(({ uid }) => uid as AgentId);
  }

  #page(after: AgentId | null) {
    return this.#db
      .selectFrom('agent_states')
      .select('agent_states.uid')
      .$if(after !== null, (query) => query.where('agent_states.uid', '>', after))
      .orderBy('agent_states.uid')
      .limit(pageSize);
  }
}

async function* pages<T extends { agent: AgentId }>(
  read: (after: AgentId | null) => Promise<T[]>,
): AsyncGenerator<T[]> {
  for (let after: AgentId | null = null; ;) {
    const page: T[] = await read(after);
    if (page.length > 0) yield page;
    if (page.length < pageSize) return;
    after = page.at(-1)!.agent;
  }
}
