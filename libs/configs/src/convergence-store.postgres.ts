import { sql, type Kysely } from 'kysely';
import type { AgentId } from '@muster/agents/agent-id';
import { binaryArray } from '@muster/db/binary-array';
import { preparedAs } from '@muster/db/prepared-statements';
import type { Database } from '@muster/db/schema';
import type { Tx } from '@muster/db/transaction';
import { acceptsRemoteConfig } from './accepts-remote-config.postgres.ts';
import { canSay } from './confirmation.postgres.ts';
import { parsePolicy, type Policy } from './policy.ts';
import { quarantineOf } from './quarantine.postgres.ts';
import type { CohortKind } from './cohort-kind.ts';

/** Agents whose fleet wants them to run something else than they should run now. */
export interface Stray {
  readonly agent: AgentId;
  readonly fleet: string;
}

/** What a fleet's agents should run. */
export interface Stable {
  readonly configuration: string;
  readonly version: number;
  readonly variables: Readonly<Record<string, string>>;
  /** Of the fleet's policy. */
  readonly applyDeadlineSeconds: number;
}

/** An agent that is not on its fleet's stable version, and what it is. */
export interface StrayOfKind {
  readonly agent: AgentId;
  readonly kind: CohortKind;
}

/** How the agents of one kind in a fleet stand to its stable version. */
export interface KindStanding {
  readonly kind: CohortKind;
  /** They say that they have applied it, or cannot say such things and are not waited for. */
  readonly confirmed: number;
  /** They were given it by convergence and have not answered yet. */
  readonly unanswered: number;
  /** They were given it by convergence, and said FAILED or nothing in time. */
  readonly failed: number;
  /** Of one that failed; empty: none said why. */
  readonly error: string;
}

/** A kind that convergence has put in quarantine. */
export interface QuarantinedKind {
  readonly id: string;
  readonly fleet: string;
  readonly configuration: string;
  readonly version: number;
  readonly kind: CohortKind;
}

/** Which agents are not on the stable version of their fleet, and may be put on it. */
export class ConvergenceStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Of `agents`, or of all (null); at most `limit`. */
  async strays(agents: readonly AgentId[] | null, limit: number): Promise<Stray[]> {
    // For a few agents planning takes a thousand times as long as running.
    const [prepared, from] =
      agents === null ? [sql``, sql`agents`] : [sql.raw(preparedAs('strays_of')), these(agents)];
    const { rows } = await sql<Stray>`${prepared}
      select agents.uid as agent, members.fleet from ${from} ${mayConverge} limit ${limit}`.execute(this.#db);
    return rows;
  }

  /** The same question for agents of one fleet, inside the transaction that gives them their target. */
  async straysOf(tx: Tx, fleet: string, agents: readonly AgentId[]): Promise<StrayOfKind[]> {
    const { rows } = await sql<StrayOfKind>`
      select agents.uid as agent,
        jsonb_build_object('type', agents.type, 'version', agents.version, 'os', agents.os, 'arch', agents.arch) as kind
      from ${these(agents)} ${mayConverge} and members.fleet = ${fleet}`.execute(tx.db);
    return rows;
  }

  /**
   * How the kinds of agents in a fleet stand to its stable version; one of which no agent was given it is left
   * out. What failed before a quarantine of its kind was lifted does not count.
   */
  async standings(tx: Tx, fleet: string, stable: Stable, now: Date): Promise<KindStanding[]> {
    const { configuration, version, applyDeadlineSeconds } = stable;
    const { rows } = await sql<KindStanding>`
      select jsonb_build_object('type', type, 'version', version, 'os', os, 'arch', arch) as kind,
        (count(*) filter (where answer = 'applied'))::int as confirmed,
        (count(*) filter (where answer in ('failed', 'late')))::int as failed,
        (count(*) filter (where answer = 'none'))::int as unanswered,
        coalesce(max(error), '') as error
      from (
        select a.type, a.version, a.os, a.arch, f.error,
          case
            when f.uid is null and s.remote_config_hash = c.target_hash and s.remote_config_status = 1 then 'applied'
            when f.uid is null and not ${canSay('s')} then 'applied'
            when c.rollout_id is not null then null -- it has gates of its own
            when f.uid is not null then
              case when f.failed_at > coalesce(lifted.at, '-infinity') then 'failed' end
            when c.desired_hash is distinct from c.target_hash then null
            when s.offered_config_hash = c.target_hash and s.offered_at <= ${now}::timestamptz - deadline.after then
              case when s.offered_at > coalesce(lifted.at, '-infinity') then 'late' end
            when s.connected or s.offered_config_hash = c.target_hash then 'none'
          end as answer
        from fleet_members members
        join agents a on a.uid = members.uid
        join agent_states s on s.uid = members.uid
        join agent_configurations c on c.uid = members.uid
        left join config_failures f on f.uid = c.uid and f.hash = c.target_hash and f.lifted_at is null
        left join (
          select q.type, q.agent_version, q.os, q.arch, max(q.lifted_at) as at
          from cohort_quarantines q
          where q.configuration = ${configuration} and q.version = ${version} group by 1, 2, 3, 4
        ) lifted on (lifted.type, lifted.agent_version, lifted.os, lifted.arch) = (a.type, a.version, a.os, a.arch)
        cross join (select ${applyDeadlineSeconds}::integer * interval '1 second' as after) deadline
        where members.fleet = ${fleet}
          and (c.target_configuration, c.target_version) = (${configuration}, ${version})
      ) given
      group by type, version, os, arch`.execute(tx.db);
    return rows;
  }

  /**
   * Kinds that convergence has put in quarantine for a version which one of these agents, of that kind, says it has
   * applied.
   */
  async quarantinesAnswered(agents: readonly AgentId[]): Promise<QuarantinedKind[]> {
    const { rows } = await sql<QuarantinedKind>`${sql.raw(preparedAs('quarantines_answered'))}
      select distinct q.id, q.fleet, q.configuration, q.version,
        jsonb_build_object('type', q.type, 'version', q.agent_version, 'os', q.os, 'arch', q.arch) as kind
      from ${these(agents)}
      join agent_states s on s.uid = agents.uid and s.remote_config_status = 1
      join agent_configurations c on c.uid = agents.uid and c.target_hash = s.remote_config_hash
      join cohort_quarantines q on q.lifted_at is null and q.rollout_id is null
        and (q.configuration, q.version) = (c.target_configuration, c.target_version)
        and (q.type, q.agent_version, q.os, q.arch) = (agents.type, agents.version, agents.os, agents.arch)`.execute(
      this.#db,
    );
    return rows;
  }

  /** A fleet's policy, to plan by; null: the fleet is gone. */
  async policy(fleet: string): Promise<Policy | null> {
    const row = await this.#db
      .selectFrom('fleets')
      .select('policy')
      .where('name', '=', fleet)
      .executeTakeFirst();
    return row ? parsePolicy(row.policy) : null;
  }

  /** The fleet's stable version, which stays it while `tx` is open; no rollout of the fleet acts meanwhile. */
  async lockStable(tx: Tx, fleet: string): Promise<Stable | null> {
    const row = await tx.db
      .selectFrom('fleets')
      .select(['configuration', 'version', 'stable_variables as variables', 'policy'])
      .where('name', '=', fleet)
      .forShare()
      .executeTakeFirst();
    if (!row || row.configuration === null || row.version === null) return null;
    const { configuration, version, variables } = row;
    const { applyDeadlineSeconds } = parsePolicy(row.policy);
    return { configuration, version, variables, applyDeadlineSeconds };
  }
}

/** From the uids to the rows: `= any` of thousands may be planned as a comparison with each of them for each row. */
const these = (agents: readonly AgentId[]) =>
  sql`unnest(${binaryArray('uuid', agents)}::uuid[]) as asked (uid) join agents on agents.uid = asked.uid`;

/**
 * Its target is not the stable version, or not what that version is for this agent now. Nobody knows the
 * latter of an agent that has changed since it was last rendered for. Who cannot take the version is no stray.
 */
const isStray = sql`case
  when rendering.uid is not null and rendering.hash is null then false
  -- it went away with the offer of a rollout, and is offered nothing
  when c.target_hash is not null and c.desired_hash is null then true
  when not stable.per_agent
    then (c.target_configuration, c.target_version) is distinct from (fleets.configuration, fleets.version)
  when rendering.uid is null then true
  else (c.target_configuration, c.target_version, c.target_hash) is distinct from
    (fleets.configuration, fleets.version, rendering.hash)
end`;

/**
 * Connected agents that accept remote configs, whose target is not their fleet's stable version and who are
 * not in quarantine for that. A rollout of their fleet comes first, one that catches up with them too; one that was
 * halted catching up holds its version back from everybody, and what an aborted one left behind stays: an operator
 * stopped it.
 */
const mayConverge = sql`
  join fleet_members members on members.uid = agents.uid
  join fleets on fleets.name = members.fleet
  join agent_states s on s.uid = agents.uid
  left join agent_configurations c on c.uid = agents.uid
  left join configuration_versions stable
    on stable.configuration = fleets.configuration and stable.version = fleets.version
  left join agent_renderings rendering on rendering.uid = agents.uid
    and rendering.configuration = fleets.configuration and rendering.version = fleets.version
    and rendering.inputs = render_inputs(
      agents.attributes, agents.labels, s.available_components_hash, fleets.name, fleets.stable_variables)
  -- looked at once, before anything else: new agents cost nothing where no fleet wants something of them
  where exists (select from fleets as wanting where wanting.configuration is not null)
    and fleets.configuration is not null
    and s.connected
    and ${acceptsRemoteConfig('s')}
    and ${isStray}
    and not exists (
      select from rollouts r join rollout_agents ra on ra.rollout_id = r.id and ra.uid = agents.uid
      where r.fleet = members.fleet and (
        r.state in ('running', 'paused', 'rollingBack')
        or (r.catching_up and ra.state in ('deferred', 'offered')))
      offset 0) -- by key, for each agent
    -- a gate of it, or a person, has stopped it
    and not exists (select from rollouts r where r.fleet = members.fleet and r.catching_up and r.halted)
    and not exists (
      select from rollouts r where r.fleet = members.fleet and r.catching_up and r.halted)
    and not exists (
      select from rollouts r where r.id = c.rollout_id and r.fleet = members.fleet and r.state = 'aborted')
    and not exists ${quarantineOf(sql`agents.uid`, sql`null::bytea`, {
      configuration: sql`fleets.configuration`,
      version: sql`fleets.version`,
    })}`;
