import { sql, type Kysely } from 'kysely';
import type { AgentId } from '@muster/agents/agent-id';
import type { Database } from '@muster/db/schema';
import type { Tx } from '@muster/db/transaction';
import { agentCapability } from '@muster/opamp/capabilities';
import { acceptsRemoteConfig } from './accepts-remote-config.postgres.ts';
import { canSay, reportsEffectiveConfig } from './confirmation.postgres.ts';
import type { Candidate, RepairState } from './drift.ts';
import type { Files, Lack } from './drift-comparison.ts';
import { defaultPolicy } from './policy.ts';
import { quarantineOf } from './quarantine.postgres.ts';

/** What was rendered, and what agents reported that had applied it. */
export interface Pair {
  readonly rendered: Buffer;
  readonly effective: Buffer;
  readonly files: Files;
  /** EffectiveConfig as it is stored. */
  readonly reported: Buffer;
}

/** A drift that is due to be looked at. */
export interface DueDrift extends Omit<Candidate, 'windowOpen'> {
  readonly agent: AgentId;
  /** Of its fleet, as it is stored. */
  readonly policy: unknown;
}

export interface RepairNote {
  readonly agent: AgentId;
  readonly repair: RepairState;
  readonly reason: string;
  readonly tries: number;
  readonly nextAt: Date;
}

/** An agent that applied its config sends what it runs now within this time. */
const settleSeconds = 30;

/** What so many agents and most of their build make alike of a version is the collector's notation of it. */
const notationBy = 3;

/** The agent has applied its target, and reported what it runs since it was offered that. */
const hasAppliedTarget = sql<boolean>`(
  s.remote_config_status = 1 and s.remote_config_hash = c.target_hash
  and s.effective_config_hash is not null
  -- epoch and sequence_num: the first 16 bytes of either
  and coalesce(s.offered_config_hash <> c.target_hash
    or s.effective_config_order >= substring(s.offered_order from 1 for 16), true))`;

/** It never says what it makes of a config, but reports what it runs. */
const isToldByEffective = sql<boolean>`(
  c.target_hash is not null and not ${canSay('s')} and ${reportsEffectiveConfig('s')}
  and s.effective_config_hash is not null)`;

/** Of its fleet; one that was halted while it caught up waits for a person. */
const rolloutUnderWay = sql<boolean>`exists (
  select from rollouts r
  where r.fleet = members.fleet
    and (r.state in ('running', 'paused', 'rollingBack') or r.catching_up and r.halted))`;

/** It, or its cohort, is in quarantine for its target. */
const isQuarantined = sql<boolean>`exists ${quarantineOf(sql`agents.uid`, sql`c.target_hash`, {
  configuration: sql`c.target_configuration`,
  version: sql`c.target_version`,
})}`;
/** It cannot have its fleet's stable version: it, or its cohort, failed that, or lacks what it takes. */
const isKeptFromStable = sql<boolean>`(
  exists ${quarantineOf(sql`agents.uid`, sql`null::bytea`, {
    configuration: sql`home.configuration`,
    version: sql`home.version`,
  })}
  or exists (
    select from agent_renderings unrendered
    where unrendered.uid = agents.uid and unrendered.hash is null
      and (unrendered.configuration, unrendered.version) = (home.configuration, home.version)))`;

const stable = sql<boolean>`(home.configuration is not null and home.version is not null)`;
/** It fell back from its fleet's version and has not failed it: it said nothing in time. */
const wasGivenUp = sql<boolean>`(
  c.desired_hash is distinct from c.target_hash
  and (c.target_configuration, c.target_version) = (home.configuration, home.version))`;
const targetWasSent = sql<boolean>`(s.offered_config_hash = c.target_hash and s.offer_error = '')`;

/** Finds agents that drifted and remembers how far their repair is. */
export class DriftStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Agents that cannot say what they make of a config, and of which comparing this pair tells. */
  async toldBy({ rendered, effective }: Pair): Promise<AgentId[]> {
    const { rows } = await sql<{ uid: AgentId }>`
      select c.uid from agent_configurations c join agent_states s on s.uid = c.uid
      where c.target_hash = ${rendered} and s.effective_config_hash = ${effective} and ${isToldByEffective}`.execute(
      this.#db,
    );
    return rows.map(({ uid }) => uid);
  }

  /** Pairs that were not compared yet. */
  async pairs(limit: number): Promise<Pair[]> {
    const { rows } = await sql<Pair>`
      select pair.rendered, pair.effective, rendered.files, content.body as reported
      from (
        select distinct c.target_hash as rendered, s.effective_config_hash as effective
        from agent_configurations c join agent_states s on s.uid = c.uid
        where (${hasAppliedTarget} or ${isToldByEffective}) and not exists (
          select from effective_comparisons done
          where done.rendered_hash = c.target_hash and done.effective_hash = s.effective_config_hash)
        limit ${limit}
      ) as pair
      join rendered_configs rendered on rendered.hash = pair.rendered
      join report_contents content on content.hash = pair.effective
      where content.withheld is null`.execute(this.#db);
    return rows;
  }

  /**
   * `lack`: where the effective config is not what was rendered; null: that cannot be said. `notCompared`: why nobody
   * looked.
   */
  async noteComparison(
    { rendered, effective }: Pair,
    lack: Lack | null,
    notCompared: string | null = null,
  ): Promise<void> {
    await this.#db
      .insertInto('effective_comparisons')
      .values({
        rendered_hash: rendered,
        effective_hash: effective,
        differs: lack !== null && lack.digest !== null,
        detail: JSON.stringify(lack?.paths ?? []),
        digest: lack?.digest ?? null,
        not_compared: notCompared,
      })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  /**
   * Brings the list of drifts up to date: new ones are due at once, those that are gone are forgotten. One
   * that stays keeps its tries until something else is desired of its agent.
   */
  async refresh(now: Date): Promise<void> {
    await sql`
      with deadlines as (
        select name, coalesce((policy ->> 'applyDeadlineSeconds')::integer, ${defaultPolicy.applyDeadlineSeconds}::integer)
          * interval '1 second' as deadline
        from fleets
      ), suspected as (
        select distinct c.target_configuration, c.target_version
        from effective_comparisons compared
        join agent_configurations c on c.target_hash = compared.rendered_hash
        join agent_states s on s.uid = c.uid and s.effective_config_hash = compared.effective_hash
        where compared.differs
      ), told as (
        -- What collectors of one build make of a version, and how many of them make the same of it.
        select c.uid, compared.differs, compared.detail,
          count(*) over build as all_of_build, count(*) over alike as alike
        from suspected
        join agent_configurations c
          on (c.target_configuration, c.target_version) = (suspected.target_configuration, suspected.target_version)
        join agents on agents.uid = c.uid
        join agent_states s on s.uid = c.uid
        join effective_comparisons compared
          on compared.rendered_hash = c.target_hash and compared.effective_hash = s.effective_config_hash
        where ${hasAppliedTarget}
        window build as (partition by c.target_configuration, c.target_version, agents.type, agents.version),
          alike as (partition by c.target_configuration, c.target_version, agents.type, agents.version, compared.digest)
      ), judged as (
        select agents.uid, c.target_hash as desired_hash, s.effective_config_hash, s.remote_config_hash,
          coalesce(told.detail, '[]') as detail,
          case
            when told.differs and not (told.alike >= ${notationBy} and told.alike * 2 > told.all_of_build)
              and s.applied_at <= ${now}::timestamptz - ${settleSeconds} * interval '1 second' then 'effective'
            when not s.connected or not ${acceptsRemoteConfig('s')} then null
            when octet_length(s.remote_config_hash) > 0
              and s.remote_config_hash is distinct from c.target_hash
              and not (coalesce(${targetWasSent}, false) and s.offered_at > ${now}::timestamptz - late.by
                and known.kind is distinct from 'unknown')
              and not exists (select from rendered_configs r where r.hash = s.remote_config_hash) then 'unknown'
            -- taken back from a version, and nothing to go back to
            when c.target_hash is null and not ${stable} and not ${rolloutUnderWay}
              and octet_length(s.remote_config_hash) > 0 and s.remote_config_status = 1 then 'unknown'
            when c.target_hash is null and ${stable} and s.connected_at <= ${now}::timestamptz - late.by
              and not ${isKeptFromStable} then 'unknown'
            when (
                ${wasGivenUp}
                or c.desired_hash = c.target_hash and ${targetWasSent} and (
                  s.offered_at <= ${now}::timestamptz - late.by
                  -- a try counts until the agent has answered
                  or known.kind = 'unconfirmed' and known.desired_hash = c.target_hash)
              )
              and ${canSay('s')}
              and not (s.remote_config_hash is not distinct from c.target_hash and s.remote_config_status in (1, 3))
              and not ${isQuarantined} and not ${rolloutUnderWay} then 'unconfirmed'
          end as kind
        from agents
        join agent_states s on s.uid = agents.uid
        left join agent_configurations c on c.uid = agents.uid
        left join fleet_members members on members.uid = agents.uid
        left join fleets home on home.name = members.fleet
        left join deadlines on deadlines.name = members.fleet
        cross join lateral (
          select coalesce(deadlines.deadline, ${defaultPolicy.applyDeadlineSeconds} * interval '1 second') as by
        ) as late
        left join told on told.uid = agents.uid
        left join agent_drifts known on known.uid = agents.uid
      ), found as materialized (
        select uid, kind, desired_hash, detail,
          case kind when 'effective' then effective_config_hash else remote_config_hash end as reported_hash
        from judged where kind is not null
      ), gone as (
        delete from agent_drifts d where not exists (select from found where found.uid = d.uid)
      )
      insert into agent_drifts as d (uid, kind, desired_hash, reported_hash, since, detail, next_at)
      select uid, kind, desired_hash, reported_hash, ${now}, case kind when 'effective' then detail else '[]' end, ${now}
      from found order by uid
      on conflict (uid) do update set
        kind = excluded.kind, desired_hash = excluded.desired_hash,
        reported_hash = excluded.reported_hash, detail = excluded.detail,
        since = case when ${isSame} then d.since else excluded.since end,
        tries = case when ${isSame} then d.tries else 0 end,
        next_at = case when ${isSame} then d.next_at else excluded.next_at end,
        repair = case when ${isSame} then d.repair else 'pending' end,
        reason = case when ${isSame} then d.reason else '' end
      where not ${isSame} or d.reported_hash is distinct from excluded.reported_hash or d.detail <> excluded.detail`.execute(
      this.#db,
    );
  }

  /** Drifts whose time has come; nobody else looks at them while `tx` is open. */
  async due(tx: Tx, now: Date, limit: number): Promise<DueDrift[]> {
    const restart = agentCapability.AcceptsRestartCommand;
    const { rows } = await sql<DueDrift>`
      select d.uid as agent, d.kind, d.tries, home.policy, s.connected, c.target_hash is not null as "hasTarget", coalesce(${stable}, false) as "hasStableVersion",
        (select rv.configuration || ' version ' || rv.version from rendered_versions rv
          where rv.hash = s.remote_config_hash order by rv.configuration, rv.version limit 1) as runs,
        mod(div(s.capabilities, ${restart}), 2) = 1 as "acceptsRestart",
        ${rolloutUnderWay} as "rolloutUnderWay", ${isQuarantined} as quarantined
      from agent_drifts d
      join agents on agents.uid = d.uid
      join agent_states s on s.uid = d.uid
      left join agent_configurations c on c.uid = d.uid
      left join fleet_members members on members.uid = d.uid
      left join fleets home on home.name = members.fleet
      where d.repair <> 'notRepaired' and d.next_at <= ${now}
      order by d.next_at, d.uid limit ${limit}
      for update of d skip locked`.execute(tx.db);
    return rows;
  }

  async note(tx: Tx, notes: readonly RepairNote[]): Promise<void> {
    for (const { agent, repair, reason, tries, nextAt } of notes) {
      await tx.db
        .updateTable('agent_drifts')
        .set({ repair, reason, tries, next_at: nextAt })
        .where('uid', '=', agent)
        .execute();
    }
  }
}

const isSame = sql<boolean>`(d.kind = excluded.kind and d.desired_hash is not distinct from excluded.desired_hash)`;
