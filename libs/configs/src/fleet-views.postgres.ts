import { sql, type Kysely, type RawBuilder } from 'kysely';
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
    return this.#read(sql`true`, sql`true`);
  }

  async find(name: string): Promise<Fleet | null> {
    return (await this.#read(sql`fleets.name = ${name}`, sql`members.fleet = ${name}`))[0] ?? null;
  }

  /** Counts the members of all these fleets in one pass over them. */
  async #read(which: RawBuilder<unknown>, members: RawBuilder<unknown>): Promise<Fleet[]> {
    const { rows } = await sql<Row>`
      with by_status as (
        select members.fleet, ${configurationStatus} as status, count(*) as number,
          count(*) filter (where s.connected) as online
        from fleet_members joined join agents on agents.uid = joined.uid ${statusTables}
        where ${members}
        group by 1, 2
      ),
      counted as (
        select fleet, jsonb_object_agg(status, number) as counts, sum(number)::int as agents,
          sum(online)::int as connected
        from by_status group by fleet
      )
      select fleets.name, fleets.selector, fleets.tokens, fleets.priority, fleets.configuration, fleets.version, fleets.policy,
        fleets.variables, fleets.stable_variables as "stableVariables",
        fleets.created_at, fleets.updated_at, coalesce(counted.counts, '{}') as counts,
        coalesce(counted.agents, 0) as agents, coalesce(counted.connected, 0) as connected
      from fleets left join counted on counted.fleet = fleets.name
      where ${which}
      order by fleets.name`.execute(this.#db);
    return rows.map(toFleet);
  }
}

interface Row {
  name: string;
  selector: string;
  tokens: string[] | null;
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
