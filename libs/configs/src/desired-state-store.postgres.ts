import { sql, type RawBuilder } from 'kysely';
import { agentIdsFromBytes, type AgentId } from '@muster/agents/agent-id';
import { binaryArray } from '@muster/db/binary-array';
import type { Tx } from '@muster/db/transaction';
import { uuidV7 } from '@muster/db/uuid-v7';
import { canSay } from './confirmation.postgres.ts';
import { quarantineOf } from './quarantine.postgres.ts';
import type { Target } from './target.ts';

/** What agents of one call have in common. */
type SharedTarget = Omit<Target, 'agent'>;

/** Writes the desired state of agents, always many at once. */
export class DesiredStateStore {
  /**
   * Sets what these agents should run. `previous` becomes what they had confirmed, or were sent and cannot confirm, and stays what it was
   * when the same rollout sets its target again. Agents in quarantine for the version are left out.
   * Answers the agents that got their target.
   */
  async setTargets(tx: Tx, targets: readonly Target[]): Promise<AgentId[]> {
    const groups = Map.groupBy(targets, ({ rolloutId, configuration, version, hash }) =>
      [rolloutId, configuration, version, hash].join(' '),
    );
    const written: AgentId[] = [];
    for (const group of groups.values()) {
      written.push(
        ...(await this.#setTarget(
          tx,
          group.map(({ agent }) => agent),
          group[0]!,
        )),
      );
    }
    return written;
  }

  async #setTarget(tx: Tx, agents: readonly AgentId[], target: SharedTarget): Promise<AgentId[]> {
    const { configuration, version, rolloutId } = target;
    const hash = Buffer.from(target.hash, 'hex');
    const { rows } = await sql<{ uids: Buffer | null }>`
      with written as (
        insert into agent_configurations as c
          (uid, target_configuration, target_version, target_hash, desired_hash, rollout_id)
        select t.uid, ${configuration}, ${version}, ${hash}, ${hash}, ${rolloutId}
        from unnest(${binaryArray('uuid', agents)}::uuid[]) as t (uid)
        where not exists ${quarantineOf(sql`t.uid`, sql`${hash}::bytea`, { configuration, version })}
        order by t.uid
        on conflict (uid) do update set
          (previous_configuration, previous_version, previous_hash) = (
            select configuration, version, hash
            from (values
              (1, c.target_configuration, c.target_version, c.target_hash),
              (2, c.previous_configuration, c.previous_version, c.previous_hash)
            ) as known (rank, configuration, version, hash)
            where rank = 2 or (
              c.rollout_id is distinct from excluded.rollout_id or excluded.rollout_id is null
            ) and exists (
              select from agent_states s
              where s.uid = c.uid and (s.applied_config_hash = known.hash
                or not ${canSay('s')} and s.offered_config_hash = known.hash and s.offer_error = '')
            ) and not exists (
              select from config_failures f
              where f.uid = c.uid and f.hash = known.hash and f.lifted_at is null)
            order by rank limit 1),
          target_configuration = excluded.target_configuration,
          target_version = excluded.target_version,
          target_hash = excluded.target_hash,
          desired_hash = excluded.target_hash,
          rollout_id = excluded.rollout_id,
          updated_at = now()
        returning c.uid
      )
      select string_agg(uuid_send(uid), '') as uids from written`.execute(tx.db);
    return agentIdsFromBytes(rows[0]?.uids ?? noBytes);
  }

  /** Notes that the offers of these agents are still to be delivered, until `OfferStore.settle` of the answer. */
  async noteUndelivered(tx: Tx, agents: readonly AgentId[]): Promise<string> {
    const id = uuidV7();
    await sql`
      insert into undelivered_offers (id, agents) values (${id}, ${binaryArray('uuid', agents)}::uuid[])`.execute(
      tx.db,
    );
    return id;
  }

  /**
   * Offers the previous config in place of the target, or nothing when there is none that works. The target
   * stays, for people to see what failed. Answers the agents whose offer changed.
   */
  fallBack(tx: Tx, agents: readonly AgentId[]): Promise<AgentId[]> {
    return this.#offer(
      tx,
      agents,
      workingPrevious,
      sql`(c.desired_hash = c.target_hash or c.desired_hash is null)
        and ${workingPrevious} is distinct from c.desired_hash`,
    );
  }

  /** Offers the target again in place of the previous config. Answers the agents whose offer changed. */
  retryTargets(tx: Tx, agents: readonly AgentId[]): Promise<AgentId[]> {
    const quarantine = quarantineOf(sql`c.uid`, sql`c.target_hash`, {
      configuration: sql`c.target_configuration`,
      version: sql`c.target_version`,
    });
    return this.#offer(
      tx,
      agents,
      sql`c.target_hash`,
      sql`c.desired_hash is distinct from c.target_hash and not exists ${quarantine}`,
    );
  }

  /** Offers nothing in place of the target that this rollout set. Answers the agents whose offer changed. */
  withdraw(tx: Tx, rolloutId: string, agents: readonly AgentId[]): Promise<AgentId[]> {
    return this.#offer(
      tx,
      agents,
      sql`null`,
      sql`c.rollout_id = ${rolloutId} and c.desired_hash = c.target_hash`,
    );
  }

  /** Offers the target that this rollout set where that is not offered. Answers the agents whose offer changed. */
  restore(tx: Tx, rolloutId: string, agents: readonly AgentId[]): Promise<AgentId[]> {
    return this.#offer(
      tx,
      agents,
      sql`c.target_hash`,
      sql`c.rollout_id = ${rolloutId} and c.desired_hash is distinct from c.target_hash`,
    );
  }

  /** Offers those of the agents of which `condition` holds another config than now; over `agent_configurations` as c. */
  async #offer(
    tx: Tx,
    agents: readonly AgentId[],
    hash: RawBuilder<unknown>,
    condition: RawBuilder<unknown>,
  ): Promise<AgentId[]> {
    const { rows } = await sql<{ uid: AgentId }>`
      update agent_configurations c set desired_hash = ${hash}, updated_at = now()
      where c.uid in ${locked(agents)} and ${condition}
      returning c.uid`.execute(tx.db);
    return rows.map((row) => row.uid);
  }

  /**
   * Makes the previous config the target again, for agents whose target this rollout set. Answers what each
   * goes back to; null: it had nothing before.
   */
  async revert(
    tx: Tx,
    rolloutId: string,
    agents: readonly AgentId[],
  ): Promise<{ agent: AgentId; hash: string | null }[]> {
    const { rows } = await sql<{ agent: AgentId; hash: string | null }>`
      update agent_configurations c
      set target_configuration = c.previous_configuration,
        target_version = c.previous_version,
        target_hash = c.previous_hash,
        desired_hash = ${workingPrevious},
        updated_at = now()
      where c.uid in ${locked(agents)} and c.rollout_id = ${rolloutId}
      returning c.uid as agent, encode(c.target_hash, 'hex') as hash`.execute(tx.db);
    return rows;
  }

  /** Agents that reported FAILED for their target and are still offered it; of `agents`, or of all (null). */
  async failedTargets(tx: Tx, agents: readonly AgentId[] | null): Promise<AgentId[]> {
    const from =
      agents === null
        ? sql`agent_configurations c`
        : sql`unnest(${binaryArray('uuid', agents)}::uuid[]) as asked (uid) join agent_configurations c on c.uid = asked.uid`;
    const { rows } = await sql<{ uid: AgentId }>`
      select c.uid
      from ${from}
      join config_failures f on f.uid = c.uid and f.hash = c.target_hash and f.lifted_at is null
      where c.desired_hash = c.target_hash`.execute(tx.db);
    return rows.map((row) => row.uid);
  }
}

const noBytes = new Uint8Array(0);

const workingPrevious = sql`(
  select c.previous_hash
  where not exists (
    select from config_failures f
    where f.uid = c.uid and f.hash = c.previous_hash and f.lifted_at is null))`;

/** Rows are always locked in the order of uids, so that two writers of the same agents wait for each other. */
function locked(agents: readonly AgentId[]) {
  return sql`(
    select uid from agent_configurations where uid = any(${binaryArray('uuid', agents)}::uuid[]) order by uid for no key update)`;
}
