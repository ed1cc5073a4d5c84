import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { AgentId } from '@muster/agents/agent-id';
import type { Database } from '@muster/db/schema';
import { acceptsRemoteConfig } from './accepts-remote-config.postgres.ts';
import { canSay, runs } from './confirmation.postgres.ts';
import {
  fillStatusCounts,
  type AgentConfiguration,
  type ConfigurationStatus,
  type StatusCounts,
  type VersionRef,
} from './configuration-status.ts';

/** The tables `configurationStatus` reads, joined to `agents`. */
export const statusTables: RawBuilder<unknown> = sql`
  left join agent_states s on s.uid = agents.uid
  left join agent_configurations c on c.uid = agents.uid
  left join config_failures f on f.uid = c.uid and f.hash = c.target_hash and f.lifted_at is null
  left join fleet_members members on members.uid = agents.uid
  left join fleets home on home.name = members.fleet
  left join rollouts origin on origin.id = c.rollout_id
  left join agent_renderings unrendered on unrendered.uid = agents.uid and unrendered.hash is null
    and (unrendered.configuration, unrendered.version) = (home.configuration, home.version)`;

const couldNotBeSent = sql<boolean>`(s.offered_config_hash = c.target_hash and s.offer_error <> '')`;

/**
 * Its turn in a rollout under way came while it was offline, or it went away with the offer. Written so that
 * PostgreSQL may look by key for a few agents, and gather the deferred ones once for many.
 */
const missedItsTurn = sql<boolean>`exists (
  select from rollouts r join rollout_agents ra on ra.rollout_id = r.id
  where r.fleet = members.fleet and ra.uid = agents.uid
    and (r.state in ('running', 'paused') or r.catching_up) and ra.state = 'deferred')`;

/** It went away with the offer of a rollout that has ended since, and is offered nothing. */
const wasWithdrawn = sql<boolean>`(
  c.desired_hash is null and exists (
    select from rollout_agents ra
    where ra.rollout_id = c.rollout_id and ra.uid = c.uid and ra.state = 'deferred'))`;

/** Its fleet's stable version waits for it: it is offline, or the fleet's pace has not reached it. */
const waitsForStable = sql<boolean>`(
  home.configuration is not null
  and (c.target_hash is null or not s.connected)
  and (c.target_configuration, c.target_version) is distinct from (home.configuration, home.version)
  and (origin.id is null or origin.state in ('completed', 'rolledBack'))
  and ${acceptsRemoteConfig('s')})`;

/**
 * `configuration.status` of an agent, over `statusTables`. A target that was fallen back from has failed, and
 * so has a stable version that cannot be rendered for the agent, or that nothing could run.
 */
export const configurationStatus: RawBuilder<ConfigurationStatus> = sql`
  case
    when unrendered.uid is not null then 'failed'
    when ${missedItsTurn} or ${waitsForStable} then 'deferred'
    when c.target_hash is null then 'none'
    when f.uid is null and ${wasWithdrawn} then
      case when s.remote_config_hash = c.target_hash and s.remote_config_status = 1 then 'applied' else 'deferred' end
    when f.uid is not null or c.desired_hash is distinct from c.target_hash or ${couldNotBeSent} then 'failed'
    when s.remote_config_hash = c.target_hash and s.remote_config_status = 1 then 'applied'
    when not ${canSay('s')} and ${runs('s', sql`c.target_hash`)} then 'applied'
    when s.remote_config_hash = c.target_hash and s.remote_config_status = 2 then 'applying'
    -- or it is about to: gateways tell of an offer a little later
    when s.connected or s.offered_config_hash = c.target_hash then 'offered'
    else 'deferred'
  end`;

const none: AgentConfiguration = { status: 'none', current: null, pending: null, target: null, error: null };

/** What agents should run and how far they are. */
export class AgentConfigurationViews {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Every agent asked for is in the answer, known or not. */
  async many(agents: readonly AgentId[]): Promise<Map<AgentId, AgentConfiguration>> {
    const { rows } = await sql<Row>`
      select agents.uid, ${configurationStatus} as status,
        c.target_configuration, c.target_version, encode(c.target_hash, 'hex') as target_hash,
        c.previous_configuration, c.previous_version, encode(c.previous_hash, 'hex') as previous_hash,
        encode(s.applied_config_hash, 'hex') as applied_hash, known.configuration as known_configuration,
        known.version as known_version,
        coalesce(
          unrendered.error,
          f.error,
          case when ${couldNotBeSent} then s.offer_error end,
          (select ra.error from rollout_agents ra where ra.rollout_id = c.rollout_id and ra.uid = c.uid)
        ) as error
      from unnest(${agents}::uuid[]) as asked (uid)
      join agents on agents.uid = asked.uid
      ${statusTables}
      left join lateral (
        -- what an agent runs that it is not meant to run any more
        select rv.configuration, rv.version from rendered_versions rv
        where rv.hash = s.applied_config_hash
          and rv.hash is distinct from c.target_hash and rv.hash is distinct from c.previous_hash
        order by rv.version desc, rv.configuration limit 1) known on true`.execute(this.#db);
    const found = new Map(rows.map((row) => [row.uid, toAgentConfiguration(row)]));
    return new Map(agents.map((agent) => [agent, found.get(agent) ?? none]));
  }

  /** How many agents have each status; of a fleet, or of all. */
  async statusCounts(fleet?: string): Promise<StatusCounts> {
    const some = fleet === undefined ? sql`true` : sql`members.fleet = ${fleet}`;
    const { rows } = await sql<{ status: ConfigurationStatus; count: number }>`
      select ${configurationStatus} as status, count(*)::int as count
      from agents ${statusTables} where ${some} group by 1`.execute(this.#db);
    return fillStatusCounts(Object.fromEntries(rows.map(({ status, count }) => [status, count])));
  }
}

interface Row {
  uid: AgentId;
  status: ConfigurationStatus;
  target_configuration: string | null;
  target_version: number | null;
  target_hash: string | null;
  previous_configuration: string | null;
  previous_version: number | null;
  previous_hash: string | null;
  applied_hash: string | null;
  known_configuration: string | null;
  known_version: number | null;
  error: string | null;
}

function toAgentConfiguration(row: Row): AgentConfiguration {
  const { status } = row;
  const target = versionRef(row.target_configuration, row.target_version, row.target_hash);
  const previous = versionRef(row.previous_configuration, row.previous_version, row.previous_hash);
  const known = versionRef(row.known_configuration, row.known_version, row.applied_hash);
  const current =
    [target, previous, known].find((ref) => ref !== null && ref.hash === row.applied_hash) ?? null;
  const pending = status === 'offered' || status === 'applying' ? target : null;
  return { status, current, pending, target, error: status === 'failed' ? row.error || null : null };
}

function versionRef(name: string | null, version: number | null, hash: string | null): VersionRef | null {
  return name === null || version === null || hash === null ? null : { name, version, hash };
}
