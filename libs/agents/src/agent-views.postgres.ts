import type { Database } from '@muster/db/schema';
import { decodeAvailableComponents } from '@muster/opamp/available-components';
import { capabilityNames } from '@muster/opamp/capabilities';
import { configStatusName } from '@muster/opamp/config-status';
import { decodeAgentDescription } from '@muster/opamp/description';
import { configFileText, decodeEffectiveConfig } from '@muster/opamp/effective-config';
import { MalformedMessage } from '@muster/opamp/errors';
import { decodeHealth } from '@muster/opamp/health';
import { decodePackageStatuses } from '@muster/opamp/package-statuses';
import { sql, type Kysely, type SelectQueryBuilder } from 'kysely';
import type {
  AgentDetail,
  AgentFilter,
  AgentOverview,
  AgentPage,
  AgentPageQuery,
  AgentSummary,
} from './agent.ts';
import { agentIdFromBytes, agentIdToBytes, type AgentId } from './agent-id.ts';
import type { ConfigFinding } from './effective-config-redaction.ts';
import { InvalidCursor } from './errors.ts';
import type { Presence } from './presence.ts';
import { whereSelector } from './selector.postgres.ts';

const summaryColumns = [
  'agents.uid',
  'agents.name',
  'agents.type',
  'agents.version',
  'agents.os',
  'agents.arch',
  'agents.hostname',
  'agents.labels',
  'agents.attributes',
  'fleet_members.fleet',
  'agents.enrolled_at',
  'agent_states.capabilities',
  'agent_states.healthy',
  'agent_states.connected',
  'agent_states.connected_at',
  'agent_states.transport',
  'agent_states.last_seen_at',
] as const;

/** What reaches no table: times of heartbeats, and moves between gateways that changed nothing else. */
type LivePresence = Pick<Presence, 'lastSeen' | 'locate'>;

/** Reads agents, with what `presence` knows better where it is given. */
export class AgentViews {
  readonly #db: Kysely<Database>;
  readonly #presence: LivePresence | undefined;

  constructor(db: Kysely<Database>, presence?: LivePresence) {
    this.#db = db;
    this.#presence = presence;
  }

  /** One page, by uid. Throws `InvalidCursor`. */
  async page({ limit, after, ...filter }: AgentPageQuery): Promise<AgentPage> {
    let query = this.#filtered(filter)
      .select(summaryColumns)
      .orderBy('agents.uid')
      .limit(limit + 1);
    if (after !== undefined) query = query.where('agents.uid', '>', uidOfCursor(after));
    const rows = await query.execute();
    const items = await this.#summaries(rows.slice(0, limit));
    return { items, next: rows.length > limit ? cursorOf(items.at(-1)!.uid) : null };
  }

  /** How many agents match; counting ends at `cap`. */
  async count(filter: AgentFilter, cap: number): Promise<number> {
    const row = await this.#db
      .selectFrom(this.#filtered(filter).select('agents.uid').limit(cap).as('matching'))
      .select(sql<number>`count(*)::int`.as('count'))
      .executeTakeFirstOrThrow();
    return row.count;
  }

  /** These agents, in the order asked; unknown ones are left out. */
  async many(ids: readonly AgentId[]): Promise<AgentSummary[]> {
    const rows = await this.#filtered({})
      .select(summaryColumns)
      .where('agents.uid', '=', sql<string>`any(${ids}::uuid[])`)
      .execute();
    const byId = new Map((await this.#summaries(rows)).map((summary) => [summary.uid, summary]));
    return ids.flatMap((id) => byId.get(id) ?? []);
  }

  async find(id: AgentId): Promise<AgentDetail | null> {
    const row = await this.#filtered({})
      .leftJoin('enrollment_tokens', 'enrollment_tokens.id', 'agent_states.enrollment_token_id')
      .leftJoin(
        'effective_config_findings as findings',
        'findings.hash',
        'agent_states.effective_config_hash',
      )
      .leftJoin('report_contents as config', 'config.hash', 'agent_states.effective_config_hash')
      .leftJoin('report_contents as components', 'components.hash', 'agent_states.available_components_hash')
      .leftJoin('report_contents as packages', 'packages.hash', 'agent_states.package_statuses_hash')
      .select(summaryColumns)
      .select([
        'agents.description',
        'agent_states.health',
        'agent_states.remote_config_hash',
        'agent_states.remote_config_status',
        'agent_states.remote_config_error',
        'agent_states.remote_address',
        'agent_states.gateway',
        'enrollment_tokens.name as enrollment_token',
        'config.body as effective_config',
        'config.withheld as effective_config_withheld',
        'components.withheld as components_withheld',
        'packages.withheld as packages_withheld',
        'findings.findings',
        'findings.omitted',
        'components.body as available_components',
        'packages.body as package_statuses',
      ])
      .where('agents.uid', '=', id)
      .executeTakeFirst();
    if (!row) return null;
    const [[summary], gateway] = await Promise.all([this.#summaries([row]), this.#gatewayOf(id)]);
    return { ...summary!, ...detailOf({ ...row, gateway: gateway ?? row.gateway }) };
  }

  async overview(): Promise<AgentOverview> {
    const counts = await this.#filtered({})
      .select([
        sql<number>`count(*)::int`.as('agents'),
        sql<number>`(count(*) filter (where agent_states.connected))::int`.as('connected'),
        sql<number>`(count(*) filter (where agent_states.connected and not agent_states.healthy))::int`.as(
          'unhealthy',
        ),
        sql<number>`(count(*) filter (where ${hasCredentials}))::int`.as('withCredentials'),
      ])
      .executeTakeFirstOrThrow();
    const versions = await this.#db
      .selectFrom('agents')
      .select(['agents.version as name', sql<number>`count(*)::int`.as('count')])
      .groupBy('agents.version')
      .orderBy('count', 'desc')
      .orderBy('agents.version')
      .limit(20)
      .execute();
    return { ...counts, disconnected: counts.agents - counts.connected, versions };
  }

  #filtered({ selector, search, status, fleet, finding }: AgentFilter) {
    let query = this.#db
      .selectFrom('agents')
      .innerJoin('agent_states', 'agent_states.uid', 'agents.uid')
      .leftJoin('fleet_members', 'fleet_members.uid', 'agents.uid');
    if (selector) query = query.where(whereSelector(selector));
    if (search) query = whereSearched(query, search);
    if (status) query = query.where('agent_states.connected', '=', status === 'connected');
    if (fleet !== undefined) query = query.where('fleet_members.fleet', '=', fleet);
    if (finding !== undefined) query = query.where(hasCredentials);
    return query;
  }

  async #summaries(rows: readonly SummaryRow[]): Promise<AgentSummary[]> {
    const seen = await this.#lastSeen(rows.map((row) => row.uid as AgentId));
    return rows.map((row) => summaryOf(row, seen.get(row.uid as AgentId) ?? 0));
  }

  async #gatewayOf(id: AgentId): Promise<string | undefined> {
    return this.#presence && (await soon(this.#presence.locate([id]), new Map())).get(id);
  }

  async #lastSeen(ids: AgentId[]): Promise<Map<AgentId, number>> {
    if (!this.#presence || ids.length === 0) return new Map();
    // Without it the agents are shown as last reported: better than not at all.
    return soon(this.#presence.lastSeen(ids), new Map());
  }
}

/** What an answer that needs Presence for a detail waits for it, milliseconds: it may hang. */
const presencePatienceMs = 500;

/** What comes in time, or `otherwise`. */
async function soon<T>(coming: Promise<T>, otherwise: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(otherwise), presencePatienceMs);
  });
  return Promise.race([coming.catch(() => otherwise), late]).finally(() => clearTimeout(timer));
}

const hasCredentials = sql<boolean>`agent_states.effective_config_hash in (
  select hash from effective_config_findings)`;

type AgentsQuery<O> = SelectQueryBuilder<Database, 'agents' | 'agent_states', O>;

function whereSearched<O>(query: AgentsQuery<O>, search: string): AgentsQuery<O> {
  // Postgres has no text with NUL, so nothing can match it.
  if (search.includes('\0')) return query.where(sql<boolean>`false`);
  const pattern = `%${search.toWellFormed().replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
  return query.where(
    sql<boolean>`concat_ws(E'\n', agents.name, agents.hostname, agents.uid::text, agents.type, agents.version)
      ilike ${pattern}`,
  );
}

interface SummaryRow {
  uid: string;
  name: string;
  type: string;
  version: string;
  os: string;
  arch: string;
  hostname: string;
  labels: Record<string, string>;
  attributes: Record<string, string>;
  fleet: string | null;
  enrolled_at: Date;
  capabilities: string;
  healthy: boolean | null;
  connected: boolean;
  connected_at: Date | null;
  transport: number;
  last_seen_at: Date;
}

function summaryOf(row: SummaryRow, lastHeard: number): AgentSummary {
  return {
    uid: row.uid as AgentId,
    name: row.name,
    status: row.connected ? 'connected' : 'disconnected',
    healthy: row.healthy,
    type: row.type,
    version: row.version,
    os: row.os,
    arch: row.arch,
    hostname: row.hostname,
    labels: row.labels,
    attributes: row.attributes,
    capabilities: capabilityNames(Number(row.capabilities)),
    transport: transportName(row.transport),
    fleet: row.fleet,
    enrolledAt: row.enrolled_at,
    connectedAt: row.connected_at,
    lastSeenAt: new Date(Math.max(row.last_seen_at.getTime(), lastHeard)),
  };
}

function transportName(transport: number): 'websocket' | 'http' {
  return transport === 1 ? 'http' : 'websocket';
}

interface DetailRow {
  description: Buffer | null;
  health: Buffer | null;
  transport: number;
  remote_config_hash: Buffer | null;
  remote_config_status: number | null;
  remote_config_error: string | null;
  remote_address: string;
  gateway: string;
  enrollment_token: string | null;
  effective_config: Buffer | null;
  effective_config_withheld: string | null;
  components_withheld: string | null;
  packages_withheld: string | null;
  findings: ConfigFinding[] | null;
  omitted: number | null;
  available_components: Buffer | null;
  package_statuses: Buffer | null;
}

function detailOf(row: DetailRow): Omit<AgentDetail, keyof AgentSummary> {
  const description = decodeStored(row.description, decodeAgentDescription);
  return {
    identifyingAttributes: description?.identifyingAttributes ?? {},
    nonIdentifyingAttributes: description?.nonIdentifyingAttributes ?? {},
    health: decodeStored(row.health, decodeHealth),
    effectiveConfig: shown(row.effective_config_withheld, row.effective_config, filesOf),
    findings: row.findings ?? [],
    findingsOmitted: row.omitted ?? 0,
    withheld: withheldOf(row),
    components: shown(row.components_withheld, row.available_components, decodeAvailableComponents),
    packages: shown(row.packages_withheld, row.package_statuses, decodePackageStatuses),
    remoteConfigStatus: remoteConfigStatusOf(row),
    connection: {
      gateway: row.gateway,
      transport: transportName(row.transport),
      remoteAddress: row.remote_address,
      enrollmentToken: row.enrollment_token,
    },
  };
}

function withheldOf(row: DetailRow): Record<string, string> {
  return {
    ...(row.effective_config_withheld !== null && { effectiveConfig: row.effective_config_withheld }),
    ...(row.components_withheld !== null && { components: row.components_withheld }),
    ...(row.packages_withheld !== null && { packages: row.packages_withheld }),
  };
}

function shown<T>(withheld: string | null, body: Buffer | null, decode: (bytes: Uint8Array) => T): T | null {
  return withheld === null ? decodeStored(body, decode) : null;
}

/** Contents are kept as agents sent them; what turns out to be malformed is shown as never reported. */
function decodeStored<T>(body: Buffer | null, decode: (bytes: Uint8Array) => T): T | null {
  if (!body) return null;
  try {
    return decode(body);
  } catch (error) {
    if (error instanceof MalformedMessage) return null;
    throw error;
  }
}

function remoteConfigStatusOf(row: DetailRow): AgentDetail['remoteConfigStatus'] {
  if (row.remote_config_status === null) return null;
  return {
    hash: row.remote_config_hash?.toString('hex') ?? '',
    status: configStatusName(row.remote_config_status),
    error: row.remote_config_error ?? '',
  };
}

function filesOf(effectiveConfig: Uint8Array): Record<string, string> {
  const files = decodeEffectiveConfig(effectiveConfig).map(({ name, body }) => [
    name,
    configFileText(body) ?? `data:application/octet-stream;base64,${Buffer.from(body).toString('base64')}`,
  ]);
  return Object.fromEntries(files) as Record<string, string>;
}

function cursorOf(uid: AgentId): string {
  return agentIdToBytes(uid).toString('base64url');
}

function uidOfCursor(cursor: string): AgentId {
  const bytes = Buffer.from(cursor, 'base64url');
  if (bytes.length !== 16 || bytes.toString('base64url') !== cursor) throw new InvalidCursor();
  return agentIdFromBytes(bytes);
}
