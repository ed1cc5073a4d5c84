import { sql, type RawBuilder } from 'kysely';
import { agentIdsFromBytes, type AgentId } from '@muster/agents/agent-id';
import { whereSelector } from '@muster/agents/selector.postgres';
import { binaryArray } from '@muster/db/binary-array';
import type { Tx } from '@muster/db/transaction';
import { membershipRule } from './fleet.ts';
import type { Policy } from './policy.ts';

/** Any number that no other part of the system uses for an advisory lock. */
const membershipLock = 7_346_001;

/** So many that moved at once are worth new statistics. */
const manyAgents = 1_000;

/** While somebody holds the rules alone nobody else places agents. */
const noLock = sql``;

interface FleetRule {
  name: string;
  selector: string;
  tokens: string[] | null;
}

export class FleetStore {
  /** Held to the end of the transaction by whoever changes fleets: no agent is placed by rules that are changing. */
  async lockRules(tx: Tx): Promise<void> {
    await sql`select pg_advisory_xact_lock(${membershipLock})`.execute(tx.db);
  }

  /** The same, by whoever places agents: the rules stay as they are, others may place agents too. */
  async shareRules(tx: Tx): Promise<void> {
    await sql`select pg_advisory_xact_lock_shared(${membershipLock})`.execute(tx.db);
  }

  /** Makes or changes a fleet; undefined keeps what it has. True: it is new. */
  async put(
    tx: Tx,
    fleet: {
      name: string;
      selector: string;
      tokens: readonly string[] | null | undefined;
      priority: number | undefined;
      policy: Policy | undefined;
      variables: Readonly<Record<string, string>> | undefined;
    },
  ): Promise<boolean> {
    const policy = fleet.policy && JSON.stringify(fleet.policy);
    const variables = fleet.variables && JSON.stringify(fleet.variables);
    const tokens = fleet.tokens && [...fleet.tokens];
    const row = await tx.db
      .insertInto('fleets')
      .values({
        name: fleet.name,
        selector: fleet.selector,
        tokens,
        priority: fleet.priority,
        policy,
        variables,
      })
      .onConflict((conflict) =>
        conflict.column('name').doUpdateSet({
          selector: fleet.selector,
          updated_at: sql<Date>`now()`,
          ...(fleet.priority !== undefined && { priority: fleet.priority }),
          ...(tokens !== undefined && { tokens }),
          ...(policy !== undefined && { policy }),
          ...(variables !== undefined && { variables }),
        }),
      )
      .returning(sql<boolean>`xmax = 0`.as('created'))
      .executeTakeFirstOrThrow();
    return row.created;
  }

  /** Those of the names that no enrollment token has, and the fleet neither. */
  async unknownTokens(tx: Tx, fleet: string, names: readonly string[]): Promise<string[]> {
    const { rows } = await sql<{ name: string }>`
      select distinct name from unnest(${names}::text[]) as asked (name)
      where not exists (select from enrollment_tokens where enrollment_tokens.name = asked.name)
        and not exists (select from fleets where fleets.name = ${fleet} and asked.name = any(fleets.tokens))
      order by name`.execute(tx.db);
    return rows.map(({ name }) => name);
  }

  /** False: there was none. */
  async delete(tx: Tx, name: string): Promise<boolean> {
    const { numDeletedRows } = await tx.db.deleteFrom('fleets').where('name', '=', name).executeTakeFirst();
    return numDeletedRows > 0n;
  }

  /** The rollout under way in the fleet, which cannot start or end before this transaction has. */
  async lockActiveRollout(tx: Tx, fleet: string): Promise<string | null> {
    await tx.db.selectFrom('fleets').select('name').where('name', '=', fleet).forUpdate().execute();
    const row = await tx.db
      .selectFrom('rollouts')
      .select('id')
      .where('fleet', '=', fleet)
      .where('state', 'in', ['scheduled', 'running', 'paused', 'rollingBack'])
      .executeTakeFirst();
    return row?.id ?? null;
  }

  /**
   * Places the agents that the change of one fleet can concern: its members so far and those that it matches
   * now, if it is not gone. Answers the agents that moved.
   */
  async placeConcerned(tx: Tx, fleet: string): Promise<AgentId[]> {
    const rules = await this.#rules(tx);
    const rule = rules.find(({ name }) => name === fleet);
    const matching = rule ? whereSelector(membershipRule(rule)) : sql`false`;
    const concerned = sql`(members.fleet = ${fleet} or ${matching})`;
    const moved = await this.#place(tx, rules, sql`agents`, concerned, noLock);
    if (moved.length >= manyAgents) await this.#analyze(tx);
    return moved;
  }

  /** Places these agents. Answers those that moved. */
  async place(tx: Tx, agents: readonly AgentId[]): Promise<AgentId[]> {
    const these = sql`unnest(${binaryArray('uuid', agents)}::uuid[]) as asked (uid)
      join agents on agents.uid = asked.uid`;
    return this.#place(tx, await this.#rules(tx), these, sql`true`, sql`for no key update of agents`);
  }

  /**
   * Without it PostgreSQL takes the fleets for as large as they were, and finds each of the agents one by one
   * until autovacuum has come by. A rough look is enough until then.
   */
  async #analyze(tx: Tx): Promise<void> {
    await sql`set local default_statistics_target = 10`.execute(tx.db);
    await sql`analyze fleet_members`.execute(tx.db);
    await sql`set local default_statistics_target to default`.execute(tx.db);
  }

  /**
   * Agents that stay where they are are neither locked nor written. `lock` keeps what the agents say as it is: of two
   * that place an agent after it changed, the one that has seen the change has the last word.
   */
  async #place(
    tx: Tx,
    rules: readonly FleetRule[],
    from: RawBuilder<unknown>,
    concerned: RawBuilder<unknown>,
    lock: RawBuilder<unknown>,
  ): Promise<AgentId[]> {
    const whens = rules.map(
      (rule) => sql`when ${whereSelector(membershipRule(rule))} then ${rule.name}::text`,
    );
    const place = rules.length === 0 ? sql`null::text` : sql`case ${sql.join(whens, sql` `)} end`;
    const { rows } = await sql<{ uids: Buffer | null }>`
      with moving as materialized (
        select agents.uid, ${place} as place
        from ${from} left join fleet_members members on members.uid = agents.uid
        where ${concerned} and members.fleet is distinct from ${place}
        order by agents.uid ${lock}
      ),
      departed as (
        delete from fleet_members members using moving where members.uid = moving.uid and moving.place is null
      ),
      joined as (
        insert into fleet_members as members (uid, fleet)
        select uid, place from moving where place is not null
        on conflict (uid) do update set fleet = excluded.fleet
      )
      select string_agg(uuid_send(uid), '') as uids from moving`.execute(tx.db);
    return agentIdsFromBytes(rows[0]?.uids ?? new Uint8Array(0));
  }

  /** Does any fleet look at the token that an agent belongs to? */
  async asksForTokens(tx: Tx): Promise<boolean> {
    const rules = await this.#rules(tx);
    return rules.some((rule) => membershipRule(rule).requirements.some(({ source }) => source === 'token'));
  }

  /** Who comes first takes the agent. */
  async #rules(tx: Tx): Promise<FleetRule[]> {
    return tx.db
      .selectFrom('fleets')
      .select(['name', 'selector', 'tokens'])
      .orderBy('priority', 'desc')
      .orderBy('name')
      .execute();
  }
}
