import { binaryArray } from '@muster/db/binary-array';
import type { Database } from '@muster/db/schema';
import { describeFailure } from '@muster/messages/failures';
import type { AgentChange } from '@muster/messages/vocabulary';
import type { Log } from '@muster/platform/log';
import { sql, type Kysely } from 'kysely';
import { agentIdFromBytes, type AgentId } from './agent-id.ts';
import { descriptionField, rowsOf, stateFieldsFor, type ReportRow } from './report-columns.ts';
import { ReportContents } from './report-contents.postgres.ts';
import type { FoldedAgent } from './folded-agent.ts';
import { updateStates, upsertAgents } from './report-statements.postgres.ts';

export interface ChangedAgent {
  uid: AgentId;
  changes: AgentChange[];
}

/** More agents in a statement make no row cheaper. */
const maxAgents = 1000;
/** A message to PostgreSQL must stay below 1 GiB; this much text a statement is far from it. */
const maxBytes = 32 * 1024 * 1024;
/** While PostgreSQL works on one statement, the next one is made. */
const statementsAtOnce = 2;

/** What one write found out. */
interface Outcome {
  enrolled: Set<AgentId>;
  /** Agents whose data PostgreSQL does not take, and what it says. */
  refused: Map<AgentId, unknown>;
}

type Write = (rows: readonly ReportRow[], outcome: Outcome) => Promise<void>;

/**
 * Writes what agents report. Every field is ordered by the report that set it, so batches may be
 * repeated and may come in any order.
 */
export class ReportStore {
  readonly #db: Kysely<Database>;
  readonly #log: Log;
  readonly #contents: ReportContents;

  constructor(db: Kysely<Database>, log: Log) {
    this.#db = db;
    this.#log = log;
    this.#contents = new ReportContents(db);
  }

  /**
   * Writes folded reports (each agent once), up to 1,000 agents a statement, and answers what they
   * changed, whether they were written before or not. An agent that PostgreSQL does not take is left
   * out, logged and put into `refused`; any other failure rejects, and all of it may be written again.
   */
  async write(
    agents: readonly FoldedAgent[],
    refused = new Map<AgentId, unknown>(),
  ): Promise<ChangedAgent[]> {
    // One order of locks for all writers.
    const ordered = [...agents].sort((a, b) => (a.uid < b.uid ? -1 : 1));
    const outcome: Outcome = { enrolled: new Set(), refused };
    await this.#contents.store(ordered);
    for (const rows of waves(ordered)) {
      const describes = ({ fields }: ReportRow) => (fields & descriptionField.bit) !== 0;
      await this.#writeAll(rows.filter(describes), this.#upsert, outcome);
      await this.#writeAll(
        rows.filter((row) => !describes(row)),
        this.#update,
        outcome,
      );
    }
    return ordered
      .filter(({ uid }) => !outcome.refused.has(uid))
      .map(({ uid, changes }) => ({
        uid,
        changes: outcome.enrolled.has(uid) ? ['enrolled', ...changes] : changes,
      }));
  }

  async #writeAll(rows: readonly ReportRow[], write: Write, outcome: Outcome): Promise<void> {
    const underWay: Promise<void>[] = [];
    const failures: unknown[] = [];
    for (const part of statements(rows)) {
      underWay.push(
        this.#writePart(part, write, outcome).catch((error: unknown) => void failures.push(error)),
      );
      if (underWay.length === statementsAtOnce) await underWay.shift();
      if (failures.length > 0) break;
    }
    await Promise.all(underWay);
    if (failures.length > 0) throw failures[0];
  }

  async #writePart(rows: readonly ReportRow[], write: Write, outcome: Outcome): Promise<void> {
    try {
      return await write(rows, outcome);
    } catch (error) {
      // Another writer had some of the same agents: PostgreSQL has ended one of the two.
      if (isDeadlock(error)) return this.#writePart(rows, write, outcome);
      if (!isDataError(error)) throw error;
      if (rows.length === 1) {
        const { uid } = rows[0]!.agent;
        outcome.refused.set(uid, error);
        // What PostgreSQL says of a value may quote it.
        const failure = { agent: uid, error: describeFailure(error) };
        return this.#log.error(failure, 'a report cannot be stored and is left out');
      }
    }
    for (const row of rows) await this.#writePart([row], write, outcome);
  }

  /** For agents that say who they are: most of them are new, or were asked for everything. */
  readonly #upsert: Write = async (rows, { enrolled }) => {
    await this.#writeFailures(rows);
    const { rows: found } = await upsertAgents(stateFieldsFor(fieldsOf(rows)), rows).execute(this.#db);
    const uids = found[0]!.enrolled ?? Buffer.alloc(0);
    for (let at = 0; at < uids.length; at += 16) enrolled.add(agentIdFromBytes(uids.subarray(at, at + 16)));
  };

  /** For all others, who are known nearly always. Of agents that are not, an end or an offer makes none. */
  readonly #update: Write = async (rows, outcome) => {
    await this.#writeFailures(rows);
    const { rows: found } = await updateStates(stateFieldsFor(fieldsOf(rows)), rows).execute(this.#db);
    if (found[0]!.updated === rows.length) return;
    const enrolling = rows.filter(({ agent }) => agent.enrols);
    if (enrolling.length > 0) await this.#upsert(enrolling, outcome);
  };

  /**
   * Of repeated failures the latest counts. One that is later than a lift is a new failure: the agent was
   * offered the configuration again and refused it again.
   */
  async #writeFailures(rows: readonly ReportRow[]): Promise<void> {
    const failures = rows.flatMap(({ agent: { uid, failures } }) =>
      failures.map((failure) => ({ uid, ...failure })),
    );
    if (failures.length === 0) return;
    const uids = failures.map(({ uid }) => uid);
    const hashes = failures.map(({ hash }) => hash);
    const errors = failures.map(({ error }) => error);
    const times = failures.map(({ failedAt }) => failedAt);
    await sql`
      insert into config_failures (uid, hash, error, failed_at)
      select failure.uid, failure.hash, failure.error, failure.failed_at
      from unnest(
        ${binaryArray('uuid', uids)}::uuid[],
        ${binaryArray('bytea', hashes)}::bytea[],
        ${binaryArray('text', errors)}::text[],
        ${binaryArray('timestamptz', times)}::timestamptz[]
      ) as failure (uid, hash, error, failed_at)
      order by failure.uid, failure.hash
      on conflict (uid, hash) do update set
        error = excluded.error,
        failed_at = excluded.failed_at,
        lifted_at = case
          when excluded.failed_at > config_failures.lifted_at then null
          else config_failures.lifted_at
        end
      where excluded.failed_at > config_failures.failed_at`.execute(this.#db);
  }
}

/** Rows that may be written together: of each agent one. Further ones follow when those are written. */
function* waves(agents: readonly FoldedAgent[]): Generator<ReportRow[]> {
  let wave: ReportRow[][] = agents.map(rowsOf);
  while (wave.length > 0) {
    yield wave.map(([row]) => row!);
    wave = wave.filter((rows) => rows.length > 1).map((rows) => rows.slice(1));
  }
}

/** Cuts the rows to what one statement takes. */
function* statements(rows: readonly ReportRow[]): Generator<ReportRow[]> {
  let part: ReportRow[] = [];
  let bytes = 0;
  for (const row of rows) {
    const size = sizeOf(row.agent);
    if (part.length === maxAgents || (part.length > 0 && bytes + size > maxBytes)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(row);
    bytes += size;
  }
  if (part.length > 0) yield part;
}

function sizeOf({ description, health }: FoldedAgent): number {
  const described = (description?.value.body.length ?? 0) + (description?.value.attributes.length ?? 0);
  return described + (health?.value.body.length ?? 0);
}

function fieldsOf(rows: readonly ReportRow[]): number {
  return rows.reduce((fields, row) => fields | row.fields, 0);
}

/** SQLSTATE classes for what is wrong with the data itself: trying the same again cannot help. */
function isDataError(error: unknown): boolean {
  return /^(21|22|23|54)/.test(sqlStateOf(error));
}

function isDeadlock(error: unknown): boolean {
  return sqlStateOf(error) === '40P01';
}

function sqlStateOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
