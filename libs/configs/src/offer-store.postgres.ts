import { sql, type Kysely } from 'kysely';
import type { AgentId } from '@muster/agents/agent-id';
import type { Database } from '@muster/db/schema';

/** What gateways are to offer an agent. */
export interface Offer {
  readonly agent: AgentId;
  /** Of the rendered config, hex; null: nothing. */
  readonly hash: string | null;
}

/** Reads offers for delivery and notes which are delivered. */
export class OfferStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** The offers of these agents as they are now. */
  async current(agents: readonly AgentId[]): Promise<Offer[]> {
    const { rows } = await sql<Offer>`
      select uid as agent, encode(desired_hash, 'hex') as hash
      from agent_configurations where uid = any(${agents}::uuid[])`.execute(this.#db);
    return rows;
  }

  /** Agents whose offer was made more than `olderThanMs` ago and is not known to be delivered, oldest first. */
  async undelivered(olderThanMs: number, limit: number): Promise<AgentId[]> {
    const { rows } = await sql<{ uid: AgentId }>`
      select uid from agent_configurations
      where delivered_at is null and updated_at <= now() - ${olderThanMs} * interval '1 millisecond'
      order by updated_at limit ${limit}`.execute(this.#db);
    return rows.map((row) => row.uid);
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

  /** Notes these offers as delivered, unless they have been replaced. */
  async markDelivered(offers: readonly Offer[]): Promise<void> {
    await sql`
      update agent_configurations c set delivered_at = now()
      from ${offerRows(offers)}
      where c.uid = o.uid and c.delivered_at is null and c.desired_hash is not distinct from o.hash`.execute(
      this.#db,
    );
  }

  /** Has the offers that replaced these delivered again: the two deliveries may have overtaken each other. */
  async reopenReplaced(offers: readonly Offer[]): Promise<void> {
    await sql`
      update agent_configurations c set delivered_at = null
      from ${offerRows(offers)}
      where c.uid = o.uid and c.delivered_at is not null and c.desired_hash is distinct from o.hash`.execute(
      this.#db,
    );
  }
}

function offerRows(offers: readonly Offer[]) {
  return sql`unnest(
    ${offers.map((offer) => offer.agent)}::uuid[],
    ${offers.map((offer) => (offer.hash === null ? null : Buffer.from(offer.hash, 'hex')))}::bytea[]
  ) as o (uid, hash)`;
}
