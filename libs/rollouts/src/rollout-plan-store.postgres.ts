import { sql } from 'kysely';
import type { AgentId } from '@muster/agents/agent-id';
import { acceptsRemoteConfig } from '@muster/configs/accepts-remote-config.postgres';
import { renderingsOf } from '@muster/configs/quarantine.postgres';
import { binaryArray } from '@muster/db/binary-array';
import type { Tx } from '@muster/db/transaction';
import type { CohortTraits } from './cohort.ts';
import { seedOf } from './rollout-agents-store.postgres.ts';
import type { RolloutRecord } from './rollout-record.ts';

/** So many rows at once are worth new statistics. */
const manyAgents = 1_000n;

/** The bytes some agents get. */
export interface PlannedHash {
  /** Of the rendered config, hex; null: they get none, and take no part. */
  readonly hash: string | null;
  /** Null: everybody that is in no other one. */
  readonly agents: readonly AgentId[] | null;
}

export interface CohortCensus extends CohortTraits {
  readonly size: number;
  /** How many of them are not in quarantine. */
  readonly able: number;
}

type Planned = Pick<RolloutRecord, 'id' | 'fleet' | 'configuration' | 'version'> & {
  readonly hashes: readonly PlannedHash[];
};

/** Which agents take part in a rollout, and in which wave. */
export class RolloutPlanStore {
  /** The fleet's agents that can take part, by kind; the largest cohort first. */
  async census(tx: Tx, rollout: Planned): Promise<CohortCensus[]> {
    const { rows } = await sql<CohortCensus>`
      select type, version, os, arch, count(*)::int as size, count(*) filter (where quarantine is null)::int as able
      from (${candidates(rollout)}) candidate
      group by type, version, os, arch
      order by size desc, type, version, os, arch`.execute(tx.db);
    return rows;
  }

  /**
   * Puts the fleet's agents into cohorts and waves. First stands one agent of each cohort, then all cohorts in
   * proportion; inside a cohort connected agents come first, and else an order that differs from rollout to
   * rollout. Those in quarantine come last.
   *
   * @param cohorts by number; null: everybody that is in no other one
   * @param ends where each wave ends
   */
  async plan(
    tx: Tx,
    rollout: Planned,
    cohorts: readonly (CohortTraits | null)[],
    ends: readonly number[],
  ): Promise<void> {
    const { id } = rollout;
    const known = cohorts.filter((traits) => traits !== null);
    const texts = (member: keyof CohortTraits) =>
      sql`${binaryArray(
        'text',
        known.map((traits) => traits[member]),
      )}::text[]`;
    const { numAffectedRows = 0n } = await sql`
      with cohorts as (
        select type, version, os, arch, number - 1 as cohort
        from unnest(${texts('type')}, ${texts('version')}, ${texts('os')}, ${texts('arch')})
          with ordinality as named (type, version, os, arch, number)
      ),
      ranked as (
        select candidate.*, coalesce(cohorts.cohort, ${cohorts.length - 1}) as cohort,
          uuid_hash_extended(candidate.uid, ${seedOf(id)}) as spread
        from (${candidates(rollout)}) candidate
        left join cohorts using (type, version, os, arch)
      ),
      standing as (
        select ranked.*,
          row_number() over (
            partition by cohort, quarantine is not null order by not connected, spread, uid) as rank,
          count(*) over (partition by cohort, quarantine is not null) as peers
        from ranked
      ),
      placed as (
        select uid, cohort, hash, quarantine, row_number() over (
          order by quarantine is not null, rank > 1, (2 * rank - 1)::float8 / peers, cohort, spread, uid) as place
        from standing
      )
      insert into rollout_agents (rollout_id, uid, wave, cohort, hash, state, error)
      select ${id}, uid,
        -- an agent that came since they were counted goes to the last wave
        least(width_bucket(place - 1, ${ends}::bigint[]), ${ends.length - 1}),
        cohort, hash, case when quarantine is null then 'waiting' else 'quarantined' end, coalesce(quarantine, '')
      from placed order by place`.execute(tx.db);
    // Without it every look at the rollout finds each of its agents one by one, until autovacuum has come by.
    if (numAffectedRows >= manyAgents)
      await sql`analyze rollout_agents (rollout_id, wave, state)`.execute(tx.db);
    await sql`
      insert into rollout_waves (rollout_id, wave, cohort, size)
      select rollout_id, wave, cohort, count(*) from rollout_agents where rollout_id = ${id}
      group by rollout_id, wave, cohort`.execute(tx.db);
    await sql`
      insert into rollout_cohorts (rollout_id, cohort, type, version, os, arch, size)
      select ${id}, place - 1, type, version, os, arch, coalesce(
        (select sum(size) from rollout_waves w where w.rollout_id = ${id} and w.cohort = place - 1), 0)
      from unnest(
        ${cohorts.map((traits) => traits?.type ?? null)}::text[],
        ${cohorts.map((traits) => traits?.version ?? null)}::text[],
        ${cohorts.map((traits) => traits?.os ?? null)}::text[],
        ${cohorts.map((traits) => traits?.arch ?? null)}::text[]
      ) with ordinality as named (type, version, os, arch, place)`.execute(tx.db);
  }
}

/** Agents that take part, what each would get, and why it is in quarantine (null: it is not). */
function candidates({ fleet, hashes, configuration, version }: Planned) {
  const own = hashes.flatMap(({ hash, agents }) =>
    (agents ?? []).map((agent) => ({ agent, hash: hash === null ? null : Buffer.from(hash, 'hex') })),
  );
  const rest = hashes.find(({ agents }) => agents === null)?.hash ?? null;
  return sql`
    select a.uid, a.type, a.version, a.os, a.arch, s.connected, planned.hash,
      coalesce(same.error, refused.error, kind.reason) as quarantine
    from agents a
    join agent_states s on s.uid = a.uid
    left join unnest(
      ${binaryArray(
        'uuid',
        own.map(({ agent }) => agent),
      )}::uuid[],
      ${binaryArray(
        'bytea',
        own.map(({ hash }) => hash),
      )}::bytea[]
    ) as own (uid, hash) on own.uid = a.uid
    cross join lateral (
      select case when own.uid is not null then own.hash else ${rest && Buffer.from(rest, 'hex')}::bytea end as hash
    ) planned
    left join config_failures same on same.uid = a.uid and same.hash = planned.hash and same.lifted_at is null
    left join (
      select f.uid, max(f.error) as error from config_failures f
      where f.lifted_at is null and f.hash in ${renderingsOf({ configuration, version })} group by f.uid
    ) refused on refused.uid = a.uid
    left join cohort_quarantines kind on kind.lifted_at is null
      and kind.configuration = ${configuration} and kind.version = ${version}
      and (kind.type, kind.agent_version, kind.os, kind.arch) = (a.type, a.version, a.os, a.arch)
    where a.fleet = ${fleet} and planned.hash is not null and ${acceptsRemoteConfig('s')}`;
}
