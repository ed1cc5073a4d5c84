import { sql } from 'kysely';
import { agentIdsFromBytes, type AgentId } from '@muster/agents/agent-id';
import { acceptsRemoteConfig } from '@muster/configs/accepts-remote-config.postgres';
import type { CohortKind } from '@muster/configs/cohort-kind';
import { canSay, reportsEffectiveConfig } from '@muster/configs/confirmation.postgres';
import { renderingsOf } from '@muster/configs/quarantine.postgres';
import { binaryArrayOf } from '@muster/db/binary-array';
import type { Tx } from '@muster/db/transaction';
import type { CannotSay } from './blast-radius.ts';
import type { Candidates } from './placement.ts';
import type { RolloutRecord } from './rollout-record.ts';

/** So many rows at once are worth new statistics. */
const manyAgents = 1_000;

/** An agent of a plan. */
export interface PlannedAgent {
  readonly agent: AgentId;
  readonly wave: number;
  readonly cohort: number;
  /** Of the rendered config, hex. */
  readonly hash: string;
  /** What it was rendered from, 16 bytes; null: every agent gets the same. */
  readonly inputs: Uint8Array | null;
  /** Why it is in quarantine; null: it is not. */
  readonly quarantine: string | null;
  /** It says so before the rollout has touched it. */
  readonly unhealthy: boolean;
}

/** Which agents take part in a rollout, and in which wave. */
export class RolloutPlanStore {
  /** The fleet's agents that can take part, in one pass over them. */
  async candidates(
    tx: Tx,
    { fleet, configuration, version }: Pick<RolloutRecord, 'fleet' | 'configuration' | 'version'>,
  ): Promise<Candidates[]> {
    const { rows } = await sql<Omit<Candidates, 'agents'> & { uids: Buffer }>`
      select a.type, a.version, a.os, a.arch, s.connected, s.healthy is false as unhealthy,
        coalesce(refused.error, kind.reason) as quarantine,
        string_agg(uuid_send(a.uid), '') as uids
      from fleet_members m
      join agents a on a.uid = m.uid
      join agent_states s on s.uid = m.uid
      left join (
        select f.uid, max(f.error) as error from config_failures f
        where f.lifted_at is null and f.hash in ${renderingsOf({ configuration, version })} group by f.uid
      ) refused on refused.uid = a.uid
      left join cohort_quarantines kind on kind.lifted_at is null
        and kind.configuration = ${configuration} and kind.version = ${version}
        and (kind.type, kind.agent_version, kind.os, kind.arch) = (a.type, a.version, a.os, a.arch)
      where m.fleet = ${fleet} and ${acceptsRemoteConfig('s')}
      group by 1, 2, 3, 4, 5, 6, 7`.execute(tx.db);
    return rows.map(({ uids, ...alike }) => ({ ...alike, agents: agentIdsFromBytes(uids) }));
  }

  /** The fleet's agents that can take part and cannot say what they make of it. */
  async cannotSay(tx: Tx, fleet: string): Promise<CannotSay> {
    const { rows } = await sql<CannotSay>`
      select (count(*) filter (where ${reportsEffectiveConfig('s')}))::int as "byEffectiveConfig",
        (count(*) filter (where not ${reportsEffectiveConfig('s')}))::int as unconfirmed
      from fleet_members m join agent_states s on s.uid = m.uid
      where m.fleet = ${fleet} and ${acceptsRemoteConfig('s')} and not ${canSay('s')}`.execute(tx.db);
    return rows[0]!;
  }

  /** @param cohorts by number; null: everybody that is in no other one */
  async insert(
    tx: Tx,
    id: string,
    cohorts: readonly (CohortKind | null)[],
    agents: readonly PlannedAgent[],
  ): Promise<void> {
    await this.#insertAgents(tx, id, agents);
    // Without it every look at the rollout finds each of its agents one by one, until autovacuum has come by.
    if (agents.length >= manyAgents)
      await sql`analyze rollout_agents (rollout_id, wave, state)`.execute(tx.db);
    const parts = [...Map.groupBy(agents, ({ wave, cohort }) => wave * cohorts.length + cohort).values()];
    await sql`
      insert into rollout_waves (rollout_id, wave, cohort, size)
      select ${id}, * from unnest(
        ${parts.map((part) => part[0]!.wave)}::integer[],
        ${parts.map((part) => part[0]!.cohort)}::smallint[],
        ${parts.map((part) => part.length)}::integer[])`.execute(tx.db);
    const sizes = cohorts.map((_traits, cohort) =>
      parts.reduce((size, part) => size + (part[0]!.cohort === cohort ? part.length : 0), 0),
    );
    await sql`
      insert into rollout_cohorts (rollout_id, cohort, type, version, os, arch, size)
      select ${id}, place - 1, type, version, os, arch, size
      from unnest(
        ${cohorts.map((traits) => traits?.type ?? null)}::text[],
        ${cohorts.map((traits) => traits?.version ?? null)}::text[],
        ${cohorts.map((traits) => traits?.os ?? null)}::text[],
        ${cohorts.map((traits) => traits?.arch ?? null)}::text[],
        ${sizes}::integer[]
      ) with ordinality as named (type, version, os, arch, size, place)`.execute(tx.db);
  }

  /** In the order of the key, which makes it cheapest to extend. */
  async #insertAgents(tx: Tx, id: string, agents: readonly PlannedAgent[]): Promise<void> {
    const hashes = new Map<string, Buffer>();
    const bytesOf = (hash: string) => {
      const bytes = hashes.get(hash) ?? Buffer.from(hash, 'hex');
      hashes.set(hash, bytes);
      return bytes;
    };
    await sql`
      insert into rollout_agents (rollout_id, uid, wave, cohort, hash, inputs, state, error, was_unhealthy)
      select ${id}, uid, wave, cohort, hash, inputs,
        case when quarantine is null then 'waiting' else 'quarantined' end, coalesce(quarantine, ''), was_unhealthy
      from unnest(
        ${binaryArrayOf('uuid', agents, ({ agent }) => agent)}::uuid[],
        ${binaryArrayOf('integer', agents, ({ wave }) => wave)}::integer[],
        ${binaryArrayOf('integer', agents, ({ cohort }) => cohort)}::integer[],
        ${binaryArrayOf('bytea', agents, ({ hash }) => bytesOf(hash))}::bytea[],
        ${binaryArrayOf('uuid', agents, ({ inputs }) => inputs)}::uuid[],
        ${binaryArrayOf('text', agents, ({ quarantine }) => quarantine)}::text[],
        ${binaryArrayOf('boolean', agents, ({ unhealthy }) => unhealthy || null)}::boolean[]
      ) as planned (uid, wave, cohort, hash, inputs, quarantine, was_unhealthy)
      order by uid`.execute(tx.db);
  }
}
