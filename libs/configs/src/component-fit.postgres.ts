import { setImmediate } from 'node:timers/promises';
import { agentIdsFromBytes, type AgentId } from '@muster/agents/agent-id';
import { binaryArray } from '@muster/db/binary-array';
import type { Database } from '@muster/db/schema';
import { decodeAvailableComponents, type AvailableComponents } from '@muster/opamp/available-components';
import { sql, type Kysely } from 'kysely';
import { acceptsRemoteConfig } from './accepts-remote-config.postgres.ts';
import type { FileProblem } from './file-problems.ts';
import { sizeOf, textWork } from './text-work.ts';

/** Decoded lists of some 100 KiB each. */
const maxKnown = 50;

/** Agents that are to get the same files. */
export interface FitGroup {
  /** Null: all of the fleet that accept remote configs. */
  readonly agents: readonly AgentId[] | null;
  readonly files: Readonly<Record<string, string>>;
}

/** Agents that said they lack components which their files use. */
export interface Misfit {
  readonly agents: AgentId[];
  /** One for each component they lack. */
  readonly problems: readonly FileProblem[];
}

/** Compares what configurations use with what agents say they have (spec "AvailableComponents"). */
export class ComponentFit {
  /** By hash in hex: what agents reported never changes under its hash. */
  readonly #known = new Map<string, AvailableComponents>();

  /** Agents of a fleet that cannot run what they are to get. Who has not said what it has is not among them. */
  async misfits(db: Kysely<Database>, fleet: string, groups: readonly FitGroup[]): Promise<Misfit[]> {
    const everybody = groups.some(({ agents }) => agents === null);
    const asked = everybody ? null : groups.flatMap(({ agents }) => agents ?? []);
    const lists = await this.#lists(db, fleet, asked);
    const misfits: Misfit[] = [];
    for (const { agents, files } of groups) {
      // each is read as YAML: others get their turn
      await setImmediate();
      const found = await textWork.run(
        'lacking',
        { files, lists: [...lists.values()] },
        sizeOf(files),
        'checked for its components',
      );
      for (const [index, hash] of [...lists.keys()].entries()) {
        const problems = found[index]!;
        if (problems.length === 0) continue;
        const lacking = await agentsWith(db, fleet, hash, agents);
        if (lacking.length > 0) misfits.push({ agents: lacking, problems });
      }
    }
    return misfits;
  }

  /** What these agents (null: all of the fleet) said that they have, each list once. */
  async #lists(
    db: Kysely<Database>,
    fleet: string,
    agents: readonly AgentId[] | null,
  ): Promise<Map<string, AvailableComponents>> {
    const from =
      agents === null
        ? sql`fleet_members members join agent_states s on s.uid = members.uid and members.fleet = ${fleet}`
        : sql`unnest(${binaryArray('uuid', agents)}::uuid[]) as asked (uid)
            join agent_states s on s.uid = asked.uid`;
    const { rows } = await sql<{ hash: string }>`
      select encode(s.available_components_hash, 'hex') as hash
      from ${from} where s.available_components_hash is not null
      group by s.available_components_hash`.execute(db);
    const lists = new Map<string, AvailableComponents>();
    for (const { hash } of rows) {
      const list = this.#known.get(hash) ?? (await this.#read(db, hash));
      if (list) lists.set(hash, list);
    }
    return lists;
  }

  async #read(db: Kysely<Database>, hash: string): Promise<AvailableComponents | null> {
    const row = await db
      .selectFrom('report_contents')
      .select('body')
      .where('hash', '=', Buffer.from(hash, 'hex'))
      .executeTakeFirst();
    if (!row) return null;
    const list = decodeAvailableComponents(row.body);
    if (this.#known.size >= maxKnown) this.#known.clear();
    this.#known.set(hash, list);
    return list;
  }
}

async function agentsWith(
  db: Kysely<Database>,
  fleet: string,
  hash: string,
  agents: readonly AgentId[] | null,
): Promise<AgentId[]> {
  const from =
    agents === null
      ? sql`fleet_members members join agent_states s on s.uid = members.uid
          and members.fleet = ${fleet} and ${acceptsRemoteConfig('s')}`
      : sql`unnest(${binaryArray('uuid', agents)}::uuid[]) as asked (uid)
          join agent_states s on s.uid = asked.uid`;
  const { rows } = await sql<{ uids: Buffer | null }>`
    select string_agg(uuid_send(s.uid), '' order by s.uid) as uids
    from ${from} where s.available_components_hash = ${Buffer.from(hash, 'hex')}`.execute(db);
  return agentIdsFromBytes(rows[0]?.uids ?? new Uint8Array(0));
}
