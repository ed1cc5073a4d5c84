import { agentIdsFromBytes, type AgentId } from '@muster/agents/agent-id';
import { whereSelector } from '@muster/agents/selector.postgres';
import { binaryArray } from '@muster/db/binary-array';
import type { Database } from '@muster/db/schema';
import { sql, type Kysely, type RawBuilder } from 'kysely';
import { acceptsRemoteConfig } from './accepts-remote-config.postgres.ts';
import type { CompiledConfiguration } from './rendering.ts';
import type { agentMembers, TemplateValues, TemplateVariable } from './template.ts';

/** The fleet whose agents are rendered for, and the variables that count. */
export interface RenderFleet {
  readonly name: string;
  readonly variables: Readonly<Record<string, string>>;
}

/** Of one agent's `render_inputs`. */
export const inputBytes = 16;

/** Agents that get the same bytes. */
export interface InputGroup {
  readonly values: TemplateValues;
  /** The overlays that match them, by index. */
  readonly overlays: readonly number[];
  readonly agents: AgentId[];
  /** `render_inputs` of each of the agents, 16 bytes each, one after the other. */
  readonly inputs: Uint8Array;
}

const agentColumns: Readonly<Record<(typeof agentMembers)[number], RawBuilder<string | null>>> = {
  uid: sql`agents.uid::text`,
  name: sql`nullif(agents.name, '')`,
  type: sql`nullif(agents.type, '')`,
  version: sql`nullif(agents.version, '')`,
  os: sql`nullif(agents.os, '')`,
  arch: sql`nullif(agents.arch, '')`,
  hostname: sql`nullif(agents.hostname, '')`,
};

/**
 * Puts agents with the same inputs together: only what the templates read is looked at, so that a fleet
 * with few differences is few groups. `agents`: null means all of the fleet that accept remote configs.
 */
export async function inputGroups(
  db: Kysely<Database>,
  compiled: CompiledConfiguration,
  fleet: RenderFleet,
  agents: readonly AgentId[] | null,
): Promise<InputGroup[]> {
  const read = compiled.variables.filter(({ group }) => group !== 'fleet' && group !== 'variables');
  const columns = [
    ...read.map(column),
    ...compiled.overlays.map((selector) => sql`coalesce(${whereSelector(selector)}, false)`),
  ];
  const from =
    agents === null
      ? sql`fleet_members members join agents on agents.uid = members.uid join agent_states s on s.uid = members.uid
          where members.fleet = ${fleet.name} and ${acceptsRemoteConfig('s')}`
      : sql`unnest(${binaryArray('uuid', agents)}::uuid[]) as asked (uid) join agents on agents.uid = asked.uid
          join agent_states s on s.uid = agents.uid`;
  const { rows } = await sql<{ inputs: unknown[]; uids: Buffer; hashes: Buffer }>`
    -- materialized, so that these few bytes are grouped and not the rows they come from
    with asked_for as materialized (
      select agents.uid, jsonb_build_array(${sql.join(columns)}) as inputs,
        render_inputs(
          agents.attributes, agents.labels, s.available_components_hash,
          ${fleet.name}, ${JSON.stringify(fleet.variables)}::jsonb) as hash
      from ${from}
    )
    select inputs, string_agg(uuid_send(uid), '') as uids, string_agg(uuid_send(hash), '') as hashes
    from asked_for group by inputs order by inputs`.execute(db);
  return rows.map(({ inputs, uids, hashes }) => ({
    values: toValues(read, inputs, fleet),
    overlays: compiled.overlays.flatMap((_selector, index) => (inputs[read.length + index] ? [index] : [])),
    agents: agentIdsFromBytes(uids),
    inputs: hashes,
  }));
}

function column({ group, member }: TemplateVariable): RawBuilder<unknown> {
  if (group === 'agent') {
    if (member !== null) return agentColumns[member as keyof typeof agentColumns];
    const all = Object.entries(agentColumns).flatMap(([name, value]) => [sql`${name}::text`, value]);
    return sql`jsonb_strip_nulls(jsonb_build_object(${sql.join(all)}))`;
  }
  const map = group === 'labels' ? sql`agents.labels` : sql`agents.attributes`;
  return member === null ? map : sql`${map} ->> ${member}::text`;
}

function toValues(
  read: readonly TemplateVariable[],
  inputs: readonly unknown[],
  fleet: RenderFleet,
): TemplateValues {
  const values = { agent: {}, labels: {}, attributes: {} } as Record<string, Record<string, string>>;
  for (const [index, { group, member }] of read.entries()) {
    const value = inputs[index];
    if (value === null || value === undefined) continue;
    if (member === null) Object.assign(values[group]!, value);
    else values[group]![member] = value as string;
  }
  return { ...values, fleet: { name: fleet.name }, variables: fleet.variables } as unknown as TemplateValues;
}
