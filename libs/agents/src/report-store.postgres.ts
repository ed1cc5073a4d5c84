import { binaryArray } from '@muster/db/binary-array';
import type { Database } from '@muster/db/schema';
import type { AgentChange } from '@muster/messages/vocabulary';
import type { Log } from '@muster/platform/log';
import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { AgentId } from './agent-id.ts';
import {
  descriptionColumns,
  reportColumns,
  stateColumns,
  type FieldColumns,
  type ReportColumn,
} from './report-columns.ts';
import type { Content, FoldedAgent } from './report-folding.ts';

export interface ChangedAgent {
  uid: AgentId;
  changes: AgentChange[];
}

/** More agents in a statement make no row cheaper. */
const maxAgents = 1000;
/** A message to PostgreSQL must stay below 1 GiB; this much text and contents a statement is far from it. */
const maxBytes = 32 * 1024 * 1024;

/**
 * Writes what agents report. Every field is ordered by the report that set it, so batches may be
 * repeated and may come in any order.
 */
export class ReportStore {
  readonly #db: Kysely<Database>;
  readonly #log: Log;

  constructor(db: Kysely<Database>, log: Log) {
    this.#db = db;
    this.#log = log;
  }

  /**
   * Writes folded reports (each agent once), one statement for up to 1,000 agents, and answers what they
   * changed, whether they were written before or not. An agent that PostgreSQL does not take is left
   * out and logged; any other failure rejects, and all of it may be written again.
   */
  async write(agents: readonly FoldedAgent[]): Promise<ChangedAgent[]> {
    // One order of locks for all writers.
    const ordered = [...agents].sort((a, b) => (a.uid < b.uid ? -1 : 1));
    const changed: ChangedAgent[] = [];
    for (const part of statements(ordered)) changed.push(...(await this.#writePart(part)));
    return changed;
  }

  async #writePart(agents: readonly FoldedAgent[]): Promise<ChangedAgent[]> {
    try {
      return await this.#writeOnce(agents);
    } catch (error) {
      if (!isDataError(error)) throw error;
      if (agents.length === 1) {
        this.#log.error({ agent: agents[0]!.uid, err: error }, 'a report cannot be stored and is left out');
        return [];
      }
    }
    const changed: ChangedAgent[] = [];
    for (const agent of agents) changed.push(...(await this.#writePart([agent])));
    return changed;
  }

  async #writeOnce(agents: readonly FoldedAgent[]): Promise<ChangedAgent[]> {
    const { rows } = await sql<{ uid: AgentId }>`
      with reports as (${reportRows(agents)}),
      new_contents as (${insertContents(agents)}),
      new_failures as (${insertFailures(agents)}),
      written_agents as (${upsertAgents}),
      written_states as (${upsertStates})
      select written_agents.uid from written_agents where written_agents.enrolled`.execute(this.#db);
    const enrolled = new Set(rows.map(({ uid }) => uid));
    return agents.map(({ uid, changes }) => ({
      uid,
      changes: enrolled.has(uid) ? ['enrolled', ...changes] : [...changes],
    }));
  }
}

/** Cuts the agents to what one statement takes. */
function* statements(agents: readonly FoldedAgent[]): Generator<FoldedAgent[]> {
  let part: FoldedAgent[] = [];
  let bytes = 0;
  for (const agent of agents) {
    const size = sizeOf(agent);
    if (part.length === maxAgents || (part.length > 0 && bytes + size > maxBytes)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(agent);
    bytes += size;
  }
  if (part.length > 0) yield part;
}

function sizeOf(agent: FoldedAgent): number {
  const contents = contentsOf(agent).reduce((size, { body }) => size + body.length, 0);
  const description = agent.description?.value;
  const described = (description?.body.length ?? 0) + (description?.attributes.length ?? 0);
  return contents + described + (agent.health?.value.body.length ?? 0);
}

function contentsOf(agent: FoldedAgent): Content[] {
  const fields = [agent.effectiveConfig, agent.availableComponents, agent.packageStatuses];
  return fields.flatMap((field) => field?.value ?? []);
}

const inputColumns: readonly ReportColumn[] = [
  ...reportColumns,
  ...[descriptionColumns, ...stateColumns].flatMap(({ values, order }) => [...values, order]),
];
const inputNames = sql.join(inputColumns.map(({ name }) => sql.id(name)));

function reportRows(agents: readonly FoldedAgent[]): RawBuilder<unknown> {
  const arrays = inputColumns.map(
    ({ sentAs, value }) => sql`${binaryArray(sentAs, agents.map(value) as never)}::${sql.raw(sentAs)}[]`,
  );
  return sql`select * from unnest(${sql.join(arrays)}) as report (${inputNames})`;
}

function insertContents(agents: readonly FoldedAgent[]): RawBuilder<unknown> {
  const contents = new Map(
    agents.flatMap(contentsOf).map((content) => [content.hash.toString('hex'), content]),
  );
  const hashes = [...contents.values()].map(({ hash }) => hash);
  const bodies = [...contents.values()].map(({ body }) => body);
  return sql`
    insert into report_contents (hash, body)
    select content.hash, content.body
    from unnest(${binaryArray('bytea', hashes)}::bytea[], ${binaryArray('bytea', bodies)}::bytea[]) as content (hash, body)
    order by content.hash
    on conflict (hash) do nothing`;
}

/**
 * Of repeated failures the latest counts. One that is later than a lift is a new failure: the agent was
 * offered the configuration again and refused it again.
 */
function insertFailures(agents: readonly FoldedAgent[]): RawBuilder<unknown> {
  const failures = agents.flatMap(({ uid, failures }) => failures.map((failure) => ({ uid, ...failure })));
  return sql`
    insert into config_failures (uid, hash, error, failed_at)
    select failure.uid, failure.hash, failure.error, failure.failed_at
    from unnest(
      ${binaryArray(
        'uuid',
        failures.map(({ uid }) => uid),
      )}::uuid[],
      ${binaryArray(
        'bytea',
        failures.map(({ hash }) => hash),
      )}::bytea[],
      ${binaryArray(
        'text',
        failures.map(({ error }) => error),
      )}::text[],
      ${binaryArray(
        'timestamptz',
        failures.map(({ failedAt }) => failedAt),
      )}::timestamptz[]
    ) as failure (uid, hash, error, failed_at)
    order by failure.uid, failure.hash
    on conflict (uid, hash) do update set
      error = excluded.error,
      failed_at = excluded.failed_at,
      lifted_at = case
        when excluded.failed_at > config_failures.lifted_at then null
        else config_failures.lifted_at
      end
    where excluded.failed_at > config_failures.failed_at`;
}

const descriptionNames = sql.join(fieldColumns([descriptionColumns]).map(({ name }) => sql.id(name)));

/** Touches only agents that are new or describe themselves: the table is indexed for search. */
const upsertAgents = sql`
  insert into agents (uid, labels, enrollment_token_id, ${descriptionNames})
  select
    report.uid,
    coalesce(enrollment_tokens.labels, '{}'),
    enrollment_tokens.id,
    ${sql.join(fieldColumns([descriptionColumns]).map(storedValue))}
  from reports as report
  left join enrollment_tokens on enrollment_tokens.id = report.enrolled_with
  left join agents as known on known.uid = report.uid
  where report.enrols and (report.description_order is not null or known.uid is null)
  order by report.uid
  on conflict (uid) do update set ${sql.join(
    fieldColumns([descriptionColumns]).map(({ name }) => sql`${sql.id(name)} = excluded.${sql.id(name)}`),
  )}
  where excluded.description_order >= coalesce(agents.description_order, '{}')
  returning agents.uid, agents.xmax = 0 as enrolled`;

const upsertStates = sql`
  insert into agent_states (
    uid, epoch, sequence_num, last_seen_at, connected_at, disconnected_at,
    ${sql.join(fieldColumns(stateColumns).map(({ name }) => sql.id(name)))}
  )
  select
    report.uid, report.epoch, report.sequence_num, report.last_seen_at, report.connected_at, report.disconnected_at,
    ${sql.join(fieldColumns(stateColumns).map(storedValue))}
  from reports as report
  left join agents as known on known.uid = report.uid
  where report.enrols or known.uid is not null
  order by report.uid
  on conflict (uid) do update set
    epoch = greatest(agent_states.epoch, excluded.epoch),
    sequence_num = case
      when (excluded.epoch, excluded.sequence_num) > (agent_states.epoch, agent_states.sequence_num)
        then excluded.sequence_num
      else agent_states.sequence_num
    end,
    last_seen_at = greatest(agent_states.last_seen_at, excluded.last_seen_at),
    connected_at = greatest(agent_states.connected_at, excluded.connected_at),
    disconnected_at = greatest(agent_states.disconnected_at, excluded.disconnected_at),
    ${sql.join(stateColumns.flatMap(takeIfLater))}`;

function fieldColumns(fields: readonly FieldColumns[]): ReportColumn[] {
  return fields.flatMap(({ values, order }) => [...values, order]);
}

function storedValue({ name, storedAs }: ReportColumn): RawBuilder<unknown> {
  // An agent that has not described itself is shown by its uid.
  if (name === 'name') return sql`coalesce(report.name, report.uid::text)`;
  const column = sql`report.${sql.id(name)}`;
  return storedAs ? sql`${column}::${sql.raw(storedAs)}` : column;
}

/** Not reported is null, which is later than nothing. */
function takeIfLater({ values, order }: FieldColumns): RawBuilder<unknown>[] {
  const ours = sql`agent_states.${sql.id(order.name)}`;
  const theirs = sql`excluded.${sql.id(order.name)}`;
  const taken = values.map(({ name }) => {
    const column = sql.id(name);
    return sql`${column} = case
      when ${theirs} >= coalesce(${ours}, '{}') then excluded.${column} else agent_states.${column}
    end`;
  });
  return [...taken, sql`${sql.id(order.name)} = greatest(${ours}, ${theirs})`];
}

/** SQLSTATE classes for what is wrong with the data itself: trying the same again cannot help. */
function isDataError(error: unknown): boolean {
  const state = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof state === 'string' && /^(21|22|23|54)/.test(state);
}
