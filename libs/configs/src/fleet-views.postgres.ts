import { sql, type Kysely } from 'kysely';
import type { Database } from '@muster/db/schema';
import type { Tx } from '@muster/db/transaction';
import { configurationStatus, statusTables } from './agent-configuration-views.postgres.ts';
import { fillStatusCounts, type ConfigurationStatus, type StatusCounts } from './configuration-status.ts';
import type { Fleet } from './fleet.ts';
import { parsePolicy } from './policy.ts';

/** Fleets with how their agents are. */
export class FleetViews {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** The same views, seeing what the transaction has done. */
  within(tx: Tx): FleetViews {
    return new FleetViews(tx.db);
  }

  /** By name. */
  async list(): Promise<Fleet[]> {
    return this.#read(sql`true`);
  }

  async find(name: string): Promise<Fleet | null> {
    return (await this.#read(sql`fleets.name = ${name}`))[0] ?? null;
  }

  async #read(which: ReturnType<typeof sql>): Promise<Fleet[]> {
    const { rows } = await sql<Row>`
      select fleets.name, fleets.selector, fleets.priority, fleets.configuration, fleets.version, fleets.policy,
        fleets.variables, fleets.stable_variables as "stableVariables",
        fleets.created_at, fleets.updated_at, members.counts, members.agents, members.connected
      from fleets
      cross join lateral (
        select coalesce(jsonb_object_agg(status, number), '{}') as counts,
          coalesce(sum(number), 0)::int as agents, coalesce(sum(online), 0)::int as connected
        from (
          select ${configurationStatus} as status, count(*) as number, count(*) filter (where s.connected) as online
          from agents ${statusTables}
          where agents.fleet = fleets.name
          group by 1
        ) by_status
      ) members
      where ${which}
      order by fleets.name`.execute(this.#db);
    return rows.map(toFleet);
  }
}

interface Row {
  name: string;
  selector: string;
  priority: number;
  configuration: string | null;
  version: number | null;
  policy: Record<string, unknown>;
  variables: Record<string, string>;
  stableVariables: Record<string, string>;
  created_at: Date;
  updated_at: Date;
  counts: Partial<Record<ConfigurationStatus, number>>;
  agents: number;
  connected: number;
}

function toFleet({ created_at, updated_at, ...row }: Row): Fleet {
  const counts: StatusCounts = fillStatusCounts(row.counts);
  return { ...row, policy: parsePolicy(row.policy), counts, createdAt: created_at, updatedAt: updated_at };
}
