import { sql, type Kysely } from 'kysely';
import { agentIdsFromBytes, type AgentId } from '@muster/agents/agent-id';
import { binaryArray } from '@muster/db/binary-array';
import type { Database } from '@muster/db/schema';
import { uuidV7 } from '@muster/db/uuid-v7';

/** What gateways are to offer an agent. */
export interface Offer {
  readonly agent: AgentId;
  /** Of the rendered config, hex; null: nothing. */
  readonly hash: string | null;
}

/** Agents whose offers were changed together. */
export interface UndeliveredOffers {
  /** Under which Postgres knows that these are still to be delivered. */
  readonly note: string;
  readonly agents: readonly AgentId[];
}

/** Reads offers for delivery and notes which are delivered. */
export class OfferStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** The offers of these agents as they are now. */
  async current(agents: readonly AgentId[]): Promise<Offer[]> {
    const { rows } = await sql<{ hash: string | null; uids: Buffer }>`
      select encode(c.desired_hash, 'hex') as hash, string_agg(uuid_send(c.uid), '') as uids
      from unnest(${binaryArray('uuid', agents)}::uuid[]) as asked (uid)
      join agent_configurations c on c.uid = asked.uid
      group by c.desired_hash`.execute(this.#db);
    return rows.flatMap(({ hash, uids }) => agentIdsFromBytes(uids).map((agent) => ({ agent, hash })));
  }

  /** Deliveries that were due more than `olderThanMs` ago and are not known to be done, oldest first. */
  async undelivered(olderThanMs: number, limit: number): Promise<UndeliveredOffers[]> {
    const { rows } = await sql<{ note: string; agents: AgentId[] }>`
      select id as note, agents from undelivered_offers
      where made_at <= now() - ${olderThanMs} * interval '1 millisecond'
      order by made_at limit ${limit}`.execute(this.#db);
    return rows;
  }

  /** Every offer of something, in pages by uid. */
  async page(after: AgentId | null, limit: number): Promise<Offer[]> {
    const { rows } = await sql<Offer>`
      select uid as agent, encode(desired_hash, 'hex') as hash
      from agent_configurations
      where desired_hash is not null and (${after}::uuid is null or uid > ${after}::uuid)
      order by uid limit ${limit}`.execute(this.#db);
    return rows;
  }

  /** Encoded AgentRemoteConfigs by hash. */
  async remoteConfigs(hashes: readonly string[]): Promise<Map<string, Uint8Array>> {
    if (hashes.length === 0) return new Map();
    const rows = await this.#db
      .selectFrom('rendered_configs')
      .select(['hash', 'remote_config'])
      .where(
        'hash',
        'in',
        hashes.map((hash) => Buffer.from(hash, 'hex')),
      )
      .execute();
    return new Map(rows.map((row) => [row.hash.toString('hex'), row.remote_config]));
  }

  /** Notes that only these agents are left of a delivery; none: it is done. */
  async settle(note: string, left: readonly AgentId[]): Promise<void> {
    const one = sql`where id = ${note}`;
    if (left.length === 0) await sql`delete from undelivered_offers ${one}`.execute(this.#db);
    else
      await sql`update undelivered_offers set agents = ${binaryArray('uuid', left)}::uuid[] ${one}`.execute(
        this.#db,
      );
  }

  /** Agents that should have something else by now than this: two deliveries may have overtaken each other. */
  async replaced(offers: readonly Offer[]): Promise<AgentId[]> {
    const replaced: AgentId[] = [];
    for (const [hash, some] of Map.groupBy(offers, (offer) => offer.hash)) {
      const uids = binaryArray(
        'uuid',
        some.map(({ agent }) => agent),
      );
      const { rows } = await sql<{ uid: AgentId }>`
        select c.uid from unnest(${uids}::uuid[]) as delivered (uid)
        join agent_configurations c on c.uid = delivered.uid
        where c.desired_hash is distinct from ${hash === null ? null : Buffer.from(hash, 'hex')}::bytea`.execute(
        this.#db,
      );
      replaced.push(...rows.map((row) => row.uid));
    }
    return replaced;
  }

  /** Has the offers of these agents delivered (again); answers the note of it, null without agents. */
  async reopen(agents: readonly AgentId[]): Promise<string | null> {
    if (agents.length === 0) return null;
    const note = uuidV7();
    await sql`
      insert into undelivered_offers (id, agents)
      values (${note}, ${binaryArray('uuid', agents)}::uuid[])`.execute(this.#db);
    return note;
  }
}
