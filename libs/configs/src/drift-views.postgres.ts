import { sql, type Kysely } from 'kysely';
import type { AgentId } from '@muster/agents/agent-id';
import type { Database } from '@muster/db/schema';
import { driftKinds, type Drift, type DriftKind } from './drift.ts';

export interface DriftedAgent extends Drift {
  readonly name: string;
  readonly fleet: string | null;
}

export interface DriftQuery {
  readonly kind?: DriftKind | undefined;
  readonly fleet?: string | undefined;
  readonly limit: number;
  /** The last agent of the page before. */
  readonly after?: AgentId | undefined;
}

/** Shows which agents drifted, as of the reconciler's last turn. */
export class DriftViews {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** By uid, up to `limit`. */
  async page({ kind, fleet, limit, after }: DriftQuery): Promise<DriftedAgent[]> {
    let query = this.#drifts().orderBy('d.uid').limit(limit);
    if (kind !== undefined) query = query.where('d.kind', '=', kind);
    if (fleet !== undefined) query = query.where('fleet_members.fleet', '=', fleet);
    if (after !== undefined) query = query.where('d.uid', '>', after);
    return (await query.execute()).map(toDrift);
  }

  /** Null: the agent is as it should be, so far as is known. */
  async find(agent: AgentId): Promise<Drift | null> {
    const row = await this.#drifts().where('d.uid', '=', agent).executeTakeFirst();
    return row ? toDrift(row) : null;
  }

  /** Why what an agent runs was not compared with what it was given; null: it was, or is about to be. */
  async notCompared(agent: AgentId): Promise<string | null> {
    const { rows } = await sql<{ reason: string | null }>`
      select coalesce(content.withheld, compared.not_compared) as reason
      from agent_states s
      join report_contents content on content.hash = s.effective_config_hash
      left join agent_configurations c on c.uid = s.uid
      left join effective_comparisons compared
        on compared.rendered_hash = c.target_hash and compared.effective_hash = s.effective_config_hash
      where s.uid = ${agent}`.execute(this.#db);
    return rows[0]?.reason ?? null;
  }

  /** Each kind with the number of its agents. */
  async counts(): Promise<{ kind: DriftKind; count: number }[]> {
    const rows = await this.#db
      .selectFrom('agent_drifts as d')
      .innerJoin('agents', 'agents.uid', 'd.uid')
      .select(['d.kind', sql<number>`count(*)::int`.as('count')])
      .groupBy('d.kind')
      .execute();
    return driftKinds.map((kind) => ({ kind, count: rows.find((row) => row.kind === kind)?.count ?? 0 }));
  }

  #drifts() {
    return this.#db
      .selectFrom('agent_drifts as d')
      .innerJoin('agents', 'agents.uid', 'd.uid')
      .leftJoin('fleet_members', 'fleet_members.uid', 'd.uid')
      .select([
        'd.uid',
        'agents.name',
        'fleet_members.fleet',
        'd.kind',
        'd.since',
        'd.detail',
        'd.tries',
        'd.repair',
        'd.reason',
        'd.next_at',
      ]);
  }
}

interface Row {
  uid: string;
  name: string;
  fleet: string | null;
  kind: DriftKind;
  since: Date;
  detail: string[];
  tries: number;
  repair: Drift['repair'];
  reason: string;
  next_at: Date;
}

function toDrift({ uid, next_at, ...row }: Row): DriftedAgent {
  return { ...row, agent: uid as AgentId, nextAt: row.repair === 'notRepaired' ? null : next_at };
}
