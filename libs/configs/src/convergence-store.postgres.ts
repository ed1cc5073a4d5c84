import { sql, type Kysely } from 'kysely';
import type { AgentId } from '@muster/agents/agent-id';
import { binaryArray } from '@muster/db/binary-array';
import type { Database } from '@muster/db/schema';
import type { Tx } from '@muster/db/transaction';
import { acceptsRemoteConfig } from './accepts-remote-config.postgres.ts';
import { parsePolicy, type Policy } from './policy.ts';
import { quarantineOf } from './quarantine.postgres.ts';

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
}

/** Which agents are not on the stable version of their fleet, and may be put on it. */
export class ConvergenceStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Of `agents`, or of all (null); at most `limit`. */
  async strays(agents: readonly AgentId[] | null, limit: number): Promise<Stray[]> {
    const from = agents === null ? sql`agents` : these(agents);
    const { rows } = await sql<Stray>`
      select agents.uid as agent, members.fleet from ${from} ${mayConverge} limit ${limit}`.execute(this.#db);
    return rows;
  }

  /** The same question for agents of one fleet, inside the transaction that gives them their target. */
  async straysOf(tx: Tx, fleet: string, agents: readonly AgentId[]): Promise<AgentId[]> {
    const { rows } = await sql<{ uid: AgentId }>`
      select agents.uid from ${these(agents)} ${mayConverge} and members.fleet = ${fleet}`.execute(tx.db);
    return rows.map((row) => row.uid);
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
      .select(['configuration', 'version', 'stable_variables as variables'])
      .where('name', '=', fleet)
      .forShare()
      .executeTakeFirst();
    if (!row || row.configuration === null || row.version === null) return null;
    return { configuration: row.configuration, version: row.version, variables: row.variables };
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
 * not in quarantine for that. A rollout of their fleet comes first, one that catches up with them too, and what
 * an aborted one left behind stays: an operator stopped it.
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
      select from rollouts r where r.id = c.rollout_id and r.fleet = members.fleet and r.state = 'aborted')
    and not exists ${quarantineOf(sql`agents.uid`, sql`null::bytea`, {
      configuration: sql`fleets.configuration`,
      version: sql`fleets.version`,
    })}`;
