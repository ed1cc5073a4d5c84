import type { Database } from '@muster/db/schema';
import { transact, type Tx } from '@muster/db/transaction';
import type { Report, ReportFrame } from '@muster/messages/report-frame';
import { sql, type Kysely } from 'kysely';
import { agentIdFromBytes, agentIdToBytes, type AgentId } from './agent-id.ts';
import type { Presence } from './presence.ts';
import type { ChangedAgent } from './report-store.postgres.ts';

interface Rename {
  former: AgentId;
  uid: AgentId;
}

/** Tables whose rows are an agent's, beside `agents` and `agent_states`, with the rest of their key. */
const belongings = [
  { table: 'config_failures', rest: sql`(theirs.hash = mine.hash)` },
  { table: 'rollout_agents', rest: sql`(theirs.rollout_id = mine.rollout_id)` },
  { table: 'agent_configurations', rest: sql`true` },
  { table: 'fleet_members', rest: sql`true` },
  { table: 'enrollments', rest: sql`(theirs.enrollment_token_id = mine.enrollment_token_id)` },
] as const;

/** Keeps one record for an agent that was given another instance_uid: told by its first reports under the new one. */
export class AgentRenames {
  readonly #db: Kysely<Database>;
  readonly #presence: Pick<Presence, 'confirmRename'>;
  /** False: no agent was ever renamed, so that nobody needs to be looked up. */
  #any: boolean | null = null;

  constructor(db: Kysely<Database>, presence: Pick<Presence, 'confirmRename'>) {
    this.#db = db;
    this.#presence = presence;
  }

  /** Some agent was given another uid: reports under its former one may follow. */
  expect(): void {
    this.#any = true;
  }

  /** Gives records the uids that their agents have now; a rename that was carried out before changes nothing. */
  async carryOut(frames: readonly ReportFrame[]): Promise<ChangedAgent[]> {
    const changed: ChangedAgent[] = [];
    for (const { former, uid } of renamesIn(frames)) {
      this.#any = true;
      await transact(this.#db, (tx) => rename(tx, { former, uid }));
      await this.#presence.confirmRename(uid);
      changed.push({ uid: former, changes: ['deleted'] });
      changed.push({ uid, changes: ['enrolled', 'description', 'fleet', 'configuration'] });
    }
    return changed;
  }

  /** The same frames with late reports under a former uid turned over to the present one. */
  async present(frames: readonly ReportFrame[]): Promise<readonly ReportFrame[]> {
    this.#any ??= (await this.#db.selectFrom('agent_renames').select('uid').limit(1).execute()).length > 0;
    if (!this.#any) return frames;
    const uids = frames.flatMap(({ reports }) => reports.map(({ instanceUid }) => instanceUid));
    const names = await this.#presentNames(uids.filter(({ length }) => length === 16).map(agentIdFromBytes));
    if (names.size === 0) return frames;
    const turnOver = (report: Report): Report => {
      const uid =
        report.instanceUid.length === 16 ? names.get(agentIdFromBytes(report.instanceUid)) : undefined;
      return uid === undefined ? report : { ...report, instanceUid: agentIdToBytes(uid) };
    };
    return frames.map((frame) => ({ ...frame, reports: frame.reports.map(turnOver) }));
  }

  async #presentNames(uids: readonly AgentId[]): Promise<Map<AgentId, AgentId>> {
    const rows = await this.#db
      .selectFrom('agent_renames')
      .select(['agent_renames.former', 'agent_renames.uid'])
      .where('agent_renames.former', '=', sql<string>`any(${uids}::uuid[])`)
      .execute();
    return new Map(rows.map(({ former, uid }) => [former as AgentId, uid as AgentId]));
  }
}

function renamesIn(frames: readonly ReportFrame[]): Rename[] {
  const renames = new Map<AgentId, AgentId>();
  for (const { reports } of frames) {
    for (const { instanceUid, formerInstanceUid } of reports) {
      if (formerInstanceUid.length !== 16 || instanceUid.length !== 16) continue;
      renames.set(agentIdFromBytes(instanceUid), agentIdFromBytes(formerInstanceUid));
    }
  }
  return [...renames].map(([uid, former]) => ({ former, uid }));
}

/** What was reported under the new uid already is newer and wins. */
async function rename({ db }: Tx, { former, uid }: Rename): Promise<void> {
  const noted = await sql`
    insert into agent_renames (former, uid) values (${former}, ${uid})
    on conflict (former) do nothing`.execute(db);
  if (noted.numAffectedRows === 0n) return;
  await sql`update agent_renames set uid = ${uid} where uid = ${former}`.execute(db);
  await sql`
    update agents set
      labels = theirs.labels,
      enrollment_token_id = theirs.enrollment_token_id,
      enrolled_at = theirs.enrolled_at
    from agents as theirs
    where agents.uid = ${uid} and theirs.uid = ${former}`.execute(db);
  await move(db, 'agents', sql`true`, { former, uid });
  await move(db, 'agent_states', sql`true`, { former, uid });
  for (const { table, rest } of belongings) await move(db, table, rest, { former, uid });
  // The offer cache and the gateway know the agent by its former name.
  await sql`
    insert into undelivered_offers (id, agents)
    select gen_random_uuid(), array[uid] from agent_configurations where uid = ${uid}`.execute(db);
  await sql`update enrollments set former = null where uid = ${uid}`.execute(db);
}

/** `rest`: how the rest of the key of `theirs`, a row of the new uid, agrees with `mine`, one of the former. */
async function move(
  db: Tx['db'],
  table: string,
  rest: ReturnType<typeof sql>,
  { former, uid }: Rename,
): Promise<void> {
  await sql`
    update ${sql.table(table)} as mine set uid = ${uid}
    where mine.uid = ${former} and not exists (
      select 1 from ${sql.table(table)} as theirs where theirs.uid = ${uid} and ${rest}
    )`.execute(db);
  await sql`delete from ${sql.table(table)} where uid = ${former}`.execute(db);
}
