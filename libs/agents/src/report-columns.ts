import type { ElementType } from '@muster/db/binary-array';
import type { Transport } from '@muster/messages/report-frame';
import type { Field, FoldedAgent, Order } from './folded-agent.ts';

/** What one statement writes of one agent: the fields that one report set. */
export interface ReportRow {
  agent: FoldedAgent;
  /** Which report that was; null: it set none. */
  order: Order | null;
  /** The bits (`FieldColumns.bit`) of the fields. */
  fields: number;
}

/** A column of a batch: for each row one element of a PostgreSQL array. */
export interface ReportColumn {
  name: string;
  /** Type of an element as it is sent; arrays, jsonb and smaller integers travel as something else. */
  sentAs: ElementType;
  /** Type of the column where it is another. */
  storedAs?: 'jsonb' | 'text[]';
  /** SQL of what is stored when nothing was reported, for columns that are never null. */
  absent?: string;
  value(row: ReportRow): unknown;
}

/** Columns of `agents` or `agent_states` that one report sets together, and the column that says which report it was. */
export interface FieldColumns {
  /** One for each field. */
  bit: number;
  values: readonly ReportColumn[];
  /** Name of the column. */
  order: string;
  /** What orders it where that is not the report, in a column of the same name. */
  ownOrder?: ReportColumn;
  read(agent: FoldedAgent): Field<unknown> | null;
}

type ValueColumn<T> = Omit<ReportColumn, 'value'> & { of(value: T): unknown };

function field<T>(
  place: number,
  order: string,
  read: (agent: FoldedAgent) => Field<T> | null,
  columns: readonly ValueColumn<T>[],
): FieldColumns {
  const bit = 1 << place;
  const values = columns.map(({ of, ...column }): ReportColumn => {
    return {
      ...column,
      value: ({ agent, fields }) => ((fields & bit) === 0 ? null : of(read(agent)!.value)),
    };
  });
  return { bit, values, order, read };
}

function withOwnOrder({ ...columns }: FieldColumns): FieldColumns {
  const { bit, order: name, read } = columns;
  const value = ({ agent, fields }: ReportRow) =>
    (fields & bit) === 0 ? null : orderBytes(read(agent)!.order);
  return { ...columns, ownOrder: { name, sentAs: 'bytea', value } };
}

function arrayText(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`).join(',')}}`;
}

/** An order as PostgreSQL compares it: 64 bits for each element, so that later is greater. */
export function orderBytes(order: Order): Buffer {
  const bytes = Buffer.allocUnsafe(order.length * 8);
  for (const [place, element] of order.entries()) {
    const high = Math.floor(element / 2 ** 32);
    bytes.writeUInt32BE(high, place * 8);
    bytes.writeUInt32BE(element - high * 2 ** 32, place * 8 + 4);
  }
  return bytes;
}

/** What a row says beside its fields. */
export const rowColumns: readonly ReportColumn[] = [
  { name: 'uid', sentAs: 'uuid', value: ({ agent }) => agent.uidBytes },
  { name: 'fields', sentAs: 'integer', value: ({ fields }) => fields },
  { name: 'field_order', sentAs: 'bytea', value: ({ order }) => order && orderBytes(order) },
];

/** Columns of `agent_states` that tell of the agent's session. */
export const sessionColumns: readonly ReportColumn[] = [
  { name: 'epoch', sentAs: 'bigint', value: ({ agent }) => agent.epoch },
  { name: 'sequence_num', sentAs: 'bigint', value: ({ agent }) => agent.sequenceNum },
  { name: 'last_seen_at', sentAs: 'timestamptz', value: ({ agent }) => agent.lastSeenAt },
  { name: 'connected_at', sentAs: 'timestamptz', value: ({ agent }) => agent.connectedAt },
  { name: 'disconnected_at', sentAs: 'timestamptz', value: ({ agent }) => agent.disconnectedAt },
  {
    name: 'connected',
    sentAs: 'boolean',
    absent: 'false',
    value: ({ agent }) => agent.connected?.value ?? null,
  },
  {
    name: 'connection_order',
    sentAs: 'bigint',
    value: ({ agent }) => connectionOrder(agent.connected?.order),
  },
];

/** [epoch, ended] in one number. */
function connectionOrder(order: Order | undefined): number | null {
  return order ? order[0]! * 2 + order[1]! : null;
}

/** What lets an agent in for the first time. */
export const enrolledWith: ReportColumn = {
  name: 'enrolled_with',
  sentAs: 'uuid',
  value: ({ agent }) => agent.enrolledWith,
};

/** The columns of `agents`. */
export const descriptionField = field(0, 'description_order', (agent) => agent.description, [
  { name: 'name', sentAs: 'text', absent: 'report.uid::text', of: ({ name }) => name },
  { name: 'type', sentAs: 'text', absent: `''`, of: ({ type }) => type },
  { name: 'version', sentAs: 'text', absent: `''`, of: ({ version }) => version },
  { name: 'os', sentAs: 'text', absent: `''`, of: ({ os }) => os },
  { name: 'arch', sentAs: 'text', absent: `''`, of: ({ arch }) => arch },
  { name: 'hostname', sentAs: 'text', absent: `''`, of: ({ hostname }) => hostname },
  {
    name: 'attributes',
    sentAs: 'text',
    storedAs: 'jsonb',
    absent: `'{}'`,
    of: ({ attributes }) => attributes,
  },
  { name: 'description', sentAs: 'bytea', of: ({ body }) => body },
]);

/** As `agent_states.transport` has it. */
export function transportNumber(transport: Transport): number {
  return transport === 'http' ? 1 : 0;
}

/** Where the agent's last words came from. */
const peerField = field(1, 'peer_order', (agent) => agent.peer, [
  { name: 'gateway', sentAs: 'text', absent: `''`, of: ({ gateway }) => gateway },
  {
    name: 'transport',
    sentAs: 'integer',
    absent: '0',
    of: ({ transport }) => transportNumber(transport),
  },
  { name: 'remote_address', sentAs: 'text', absent: `''`, of: ({ remoteAddress }) => remoteAddress },
  { name: 'enrollment_token_id', sentAs: 'uuid', of: ({ enrollmentTokenId }) => enrollmentTokenId },
  { name: 'certificate_identity', sentAs: 'bytea', of: ({ certificateIdentity }) => certificateIdentity },
]);

/** Several offers may follow one report, so they are ordered by their time too. */
const offerField: FieldColumns = withOwnOrder(
  field(2, 'offered_order', (agent) => agent.offered, [
    { name: 'offered_config_hash', sentAs: 'bytea', of: ({ hash }) => hash },
    { name: 'offered_at', sentAs: 'timestamptz', of: ({ at }) => at },
    { name: 'offer_error', sentAs: 'text', of: ({ error }) => error },
  ]),
);

/** What most reports after the first one set. */
const usualFields: readonly FieldColumns[] = [
  peerField,
  offerField,
  field(3, 'capabilities_order', (agent) => agent.capabilities, [
    { name: 'capabilities', sentAs: 'bigint', absent: '0', of: (bits) => bits },
  ]),
  field(4, 'health_order', (agent) => agent.health, [
    { name: 'health', sentAs: 'bytea', of: ({ body }) => body },
    { name: 'healthy', sentAs: 'boolean', of: ({ healthy }) => healthy },
  ]),
  field(5, 'effective_config_order', (agent) => agent.effectiveConfig, [
    { name: 'effective_config_hash', sentAs: 'bytea', of: ({ hash }) => hash },
  ]),
  field(6, 'remote_config_status_order', (agent) => agent.remoteConfigStatus, [
    { name: 'remote_config_hash', sentAs: 'bytea', of: ({ hash }) => hash },
    { name: 'remote_config_status', sentAs: 'integer', of: ({ status }) => status },
    { name: 'remote_config_error', sentAs: 'text', of: ({ error }) => error },
  ]),
  field(7, 'applied_order', (agent) => agent.applied, [
    { name: 'applied_config_hash', sentAs: 'bytea', of: ({ hash }) => hash },
    { name: 'applied_at', sentAs: 'timestamptz', of: ({ at }) => at },
  ]),
];

const allFields: readonly FieldColumns[] = [
  ...usualFields,
  field(8, 'available_components_order', (agent) => agent.availableComponents, [
    { name: 'available_components_hash', sentAs: 'bytea', of: ({ hash }) => hash },
  ]),
  field(9, 'package_statuses_order', (agent) => agent.packageStatuses, [
    { name: 'package_statuses_hash', sentAs: 'bytea', of: ({ hash }) => hash },
  ]),
  field(10, 'custom_capabilities_order', (agent) => agent.customCapabilities, [
    { name: 'custom_capabilities', sentAs: 'text', storedAs: 'text[]', of: arrayText },
  ]),
  field(11, 'connection_settings_status_order', (agent) => agent.connectionSettingsStatus, [
    { name: 'connection_settings_status', sentAs: 'text', storedAs: 'jsonb', of: (json) => json },
  ]),
];

/** Sets of columns of `agent_states` that statements are made for, the smallest first. */
export const stateFields: Readonly<Record<'session' | 'usual' | 'all', readonly FieldColumns[]>> = {
  session: [peerField],
  usual: usualFields,
  all: allFields,
};
export type StateFields = keyof typeof stateFields;

/** The smallest set with all these fields (bits of `agents` do not count). */
export function stateFieldsFor(fields: number): StateFields {
  const wanted = fields & ~descriptionField.bit;
  const fits = (set: readonly FieldColumns[]) => (wanted & ~bitsOf(set)) === 0;
  if (fits(stateFields.session)) return 'session';
  return fits(stateFields.usual) ? 'usual' : 'all';
}

function bitsOf(set: readonly FieldColumns[]): number {
  return set.reduce((bits, { bit }) => bits | bit, 0);
}

/**
 * The rows that write an agent: one for each report that still counts for something, nearly always a
 * single one. Each field is in one of them. The one with the description comes first.
 */
export function rowsOf(agent: FoldedAgent): [ReportRow, ...ReportRow[]] {
  const rows: ReportRow[] = [];
  let ownOrder = 0;
  for (const { bit, read, ownOrder: own } of [descriptionField, ...stateFields.all]) {
    const found = read(agent);
    if (found === null) continue;
    if (own) {
      ownOrder |= bit;
      continue;
    }
    const row = rows.find(({ order }) => isSame(order!, found.order));
    if (row) row.fields |= bit;
    else rows.push({ agent, order: found.order, fields: bit });
  }
  const [first = { agent, order: null, fields: 0 }, ...others] = rows;
  first.fields |= ownOrder;
  return [first, ...others];
}

function isSame(a: Order, b: Order): boolean {
  return a === b || (a[0] === b[0] && a[1] === b[1]);
}
