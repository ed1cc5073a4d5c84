import { binaryArray } from '@muster/db/binary-array';
import type { Tx } from '@muster/db/transaction';
import { sql } from 'kysely';
import type { AgentId } from './agent-id.ts';

/** What belongs to an agent that is deleted. */
const tables = ['agent_states', 'fleet_members', 'agent_configurations', 'agent_renderings', 'agent_drifts'];

/** Deletes agents with their state and what they should run. Answers which there were. */
export async function deleteAgents(tx: Tx, agents: readonly AgentId[]): Promise<AgentId[]> {
  const uids = binaryArray('uuid', agents);
  const { rows } = await sql<{ uid: AgentId }>`
    delete from agents where uid = any(${uids}::uuid[]) returning uid`.execute(tx.db);
  for (const table of tables)
    await sql`delete from ${sql.table(table)} where uid = any(${uids}::uuid[])`.execute(tx.db);
  await sql`
    delete from config_failures where uid = any(${uids}::uuid[]) and lifted_at is not null`.execute(tx.db);
  return rows.map(({ uid }) => uid);
}
