import { ArrayWriter } from '@muster/db/binary-array';
import { preparedAs } from '@muster/db/prepared-statements';
import { sql, type RawBuilder } from 'kysely';
import {
  descriptionField,
  enrolledWith,
  rowColumns,
  sessionColumns,
  stateFields,
  type FieldColumns,
  type ReportColumn,
  type ReportRow,
  type StateFields,
} from './report-columns.ts';

/*
 * The statements that write reports, one for each set of columns so that columns nobody reported are not
 * sent. Rows travel as one array for each column, in the order of uids: one order of locks for all
 * writers. `unnest` stands in the select list, where PostgreSQL walks the arrays side by side; in `from` it
 * would first copy each into a table of its own.
 */

/** Changes the states of agents that are known. Answers how many there are; the others are left out. */
export function updateStates(set: StateFields, rows: readonly ReportRow[]): RawBuilder<{ updated: number }> {
  const fields = stateFields[set];
  const input = new Input(rows);
  return sql`${sql.raw(preparedAs(`reports_update_${set}`))}
    with updated as (
      update agent_states as state set ${sql.raw([...sessionChanges('report'), ...fields.flatMap(fieldChanges)].join(', '))}
      from (${input.unnested([...rowColumns, ...sessionColumns, ...columnsOf(fields)])}) as report
      where state.uid = report.uid
      returning 1
    )
    select count(*)::int as updated from updated`;
}

/** Writes agents and their states, known or not. Answers the uids of those that are new, 16 bytes each. */
export function upsertAgents(
  set: StateFields,
  rows: readonly ReportRow[],
): RawBuilder<{ enrolled: Buffer | null }> {
  const fields = stateFields[set];
  const described = [...descriptionField.values.map(({ name }) => name), descriptionField.order];
  const stateColumns = [...sessionColumns, ...columnsOf(fields)];
  const stateNames = [...sessionColumns.map(({ name }) => name), ...fields.flatMap(namesOf)];
  const changes = [...sessionChanges('excluded'), ...fields.flatMap(laterChanges)];
  const input = new Input(rows);
  return sql`${sql.raw(preparedAs(`reports_upsert_${set}`))}
    with written as (
      insert into agents (uid, labels, enrollment_token_id, ${names(described)})
      select report.uid, coalesce(token.labels, '{}'), token.id, ${sql.raw(storedField(descriptionField).join(', '))}
      from (${input.unnested([...rowColumns, enrolledWith, ...descriptionField.values])}) as report
      left join enrollment_tokens as token on token.id = report.enrolled_with
      order by report.uid
      on conflict (uid) do update
      set ${sql.raw(described.map((name) => `"${name}" = excluded."${name}"`).join(', '))}
      where excluded.description_order >= coalesce(agents.description_order, '')
      returning agents.uid, agents.xmax = 0 as enrolled
    ), states as (
      insert into agent_states as state (uid, ${names(stateNames)})
      select report.uid, ${sql.raw([...sessionColumns.map(storedValue), ...fields.flatMap(storedField)].join(', '))}
      from (${input.unnested([...rowColumns, ...stateColumns])}) as report
      on conflict (uid) do update set ${sql.raw(changes.join(', '))}
    )
    select string_agg(uuid_send(written.uid), ''::bytea) as enrolled from written where written.enrolled`;
}

/** Rows as arrays. */
class Input {
  readonly #rows: readonly ReportRow[];
  readonly #arrays = new Map<ReportColumn, Buffer>();

  constructor(rows: readonly ReportRow[]) {
    this.#rows = rows;
  }

  unnested(columns: readonly ReportColumn[]): RawBuilder<unknown> {
    const selected = columns.map((column) => {
      return sql`unnest(${this.#array(column)}::${sql.raw(column.sentAs)}[]) as ${sql.id(column.name)}`;
    });
    return sql`select ${sql.join(selected)}`;
  }

  #array(column: ReportColumn): Buffer {
    const array = this.#arrays.get(column) ?? arrayOf(column, this.#rows);
    this.#arrays.set(column, array);
    return array;
  }
}

/** Bytes of an element, by what the last statement had. */
const usualBytes = new WeakMap<ReportColumn, number>();

function arrayOf(column: ReportColumn, rows: readonly ReportRow[]): Buffer {
  const expected = (usualBytes.get(column) ?? 20) * rows.length * 1.1;
  const writer = new ArrayWriter(column.sentAs, Math.ceil(expected));
  for (const row of rows) writer.add(column.value(row) as never);
  const array = writer.finish();
  usualBytes.set(column, array.length / rows.length);
  return array;
}

function names(columns: readonly string[]): RawBuilder<unknown> {
  return sql.join(columns.map((name) => sql.id(name)));
}

function columnsOf(fields: readonly FieldColumns[]): ReportColumn[] {
  return fields.flatMap(({ values, ownOrder }) => (ownOrder ? [...values, ownOrder] : values));
}

function namesOf({ values, order }: FieldColumns): string[] {
  return [...values.map(({ name }) => name), order];
}

/** What a new row holds. */
function storedValue({ name, storedAs, absent }: ReportColumn): string {
  const value = `report."${name}"${storedAs ? `::${storedAs}` : ''}`;
  return absent === undefined ? value : `coalesce(${value}, ${absent})`;
}

function storedField(field: FieldColumns): string[] {
  return [...field.values.map(storedValue), reportedOrder(field)];
}

/** Null: the row does not set the field. */
function reportedOrder({ bit, ownOrder, order }: FieldColumns): string {
  return ownOrder ? `report."${order}"` : `case when report.fields & ${bit} <> 0 then report.field_order end`;
}

/** `by` is what the row brings: `report`, or `excluded` where it was tried as a new row first. */
function sessionChanges(by: string): string[] {
  return [
    `epoch = greatest(state.epoch, ${by}.epoch)`,
    `sequence_num = case
      when (${by}.epoch, ${by}.sequence_num) > (state.epoch, state.sequence_num) then ${by}.sequence_num
      else state.sequence_num
    end`,
    ...['last_seen_at', 'connected_at', 'disconnected_at', 'connection_order'].map(
      (name) => `${name} = greatest(state.${name}, ${by}.${name})`,
    ),
    `connected = case
      when ${by}.connection_order >= coalesce(state.connection_order, 0) then ${by}.connected else state.connected
    end`,
  ];
}

function fieldChanges(field: FieldColumns): string[] {
  const order = reportedOrder(field);
  return [
    ...field.values.map(({ name, storedAs }) => {
      return takenIfLater(field, order, name, `report."${name}"${storedAs ? `::${storedAs}` : ''}`);
    }),
    `"${field.order}" = greatest(state."${field.order}", ${order})`,
  ];
}

function laterChanges(field: FieldColumns): string[] {
  const order = `excluded."${field.order}"`;
  return [
    ...field.values.map(({ name }) => takenIfLater(field, order, name, `excluded."${name}"`)),
    `"${field.order}" = greatest(state."${field.order}", ${order})`,
  ];
}

/** A null order is later than nothing. */
function takenIfLater(field: FieldColumns, order: string, name: string, value: string): string {
  return `"${name}" = case
    when ${order} >= coalesce(state."${field.order}", '') then ${value} else state."${name}"
  end`;
}
