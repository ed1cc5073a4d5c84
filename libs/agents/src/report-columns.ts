import type { ElementType } from '@muster/db/binary-array';
import type { Field, FoldedAgent, Order } from './report-folding.ts';

/** A column of a batch: for each agent one element of a PostgreSQL array. */
export interface ReportColumn {
  name: string;
  /** Type of an element as it is sent; arrays and jsonb travel as text. */
  sentAs: ElementType;
  /** Type of the column where it is another. */
  storedAs?: 'jsonb' | 'bigint[]' | 'text[]';
  value(agent: FoldedAgent): unknown;
}

/** Columns that one report sets together, and the column that says which report it was. */
export interface FieldColumns {
  values: readonly ReportColumn[];
  order: ReportColumn;
}

type ValueColumn<T> = Omit<ReportColumn, 'value'> & {
  of(value: T): unknown;
  /** Sent when nothing was reported, for columns that are never null. */
  absent?: unknown;
};

function field<T>(
  orderName: string,
  read: (agent: FoldedAgent) => Field<T> | null,
  columns: readonly ValueColumn<T>[],
): FieldColumns {
  const values = columns.map(({ of, absent = null, ...column }): ReportColumn => {
    return { ...column, value: (agent) => valueOr(read(agent), of, absent) };
  });
  const order: ReportColumn = {
    name: orderName,
    sentAs: 'text',
    storedAs: 'bigint[]',
    value: (agent) => orderText(read(agent)?.order),
  };
  return { values, order };
}

function valueOr<T>(found: Field<T> | null, of: (value: T) => unknown, absent: unknown): unknown {
  return found ? of(found.value) : absent;
}

function orderText(order: Order | undefined): string | null {
  return order ? `{${order.join(',')}}` : null;
}

function arrayText(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`).join(',')}}`;
}

/** What a report says beside its fields. */
export const reportColumns: readonly ReportColumn[] = [
  { name: 'uid', sentAs: 'uuid', value: (agent) => agent.uid },
  { name: 'enrols', sentAs: 'boolean', value: (agent) => agent.enrols },
  { name: 'enrolled_with', sentAs: 'uuid', value: (agent) => agent.enrolledWith },
  { name: 'epoch', sentAs: 'bigint', value: (agent) => agent.epoch },
  { name: 'sequence_num', sentAs: 'bigint', value: (agent) => agent.sequenceNum },
  { name: 'last_seen_at', sentAs: 'timestamptz', value: (agent) => agent.lastSeenAt },
  { name: 'connected_at', sentAs: 'timestamptz', value: (agent) => agent.connectedAt },
  { name: 'disconnected_at', sentAs: 'timestamptz', value: (agent) => agent.disconnectedAt },
];

/** The columns of `agents`. */
export const descriptionColumns = field('description_order', (agent) => agent.description, [
  { name: 'name', sentAs: 'text', of: ({ name }) => name },
  { name: 'type', sentAs: 'text', of: ({ type }) => type, absent: '' },
  { name: 'version', sentAs: 'text', of: ({ version }) => version, absent: '' },
  { name: 'os', sentAs: 'text', of: ({ os }) => os, absent: '' },
  { name: 'arch', sentAs: 'text', of: ({ arch }) => arch, absent: '' },
  { name: 'hostname', sentAs: 'text', of: ({ hostname }) => hostname, absent: '' },
  {
    name: 'attributes',
    sentAs: 'text',
    storedAs: 'jsonb',
    of: ({ attributes }) => attributes,
    absent: '{}',
  },
  { name: 'description', sentAs: 'bytea', of: ({ body }) => body },
]);

/** The columns of `agent_states`. */
export const stateColumns: readonly FieldColumns[] = [
  field('capabilities_order', (agent) => agent.capabilities, [
    { name: 'capabilities', sentAs: 'bigint', of: (bits) => bits, absent: 0 },
  ]),
  field('health_order', (agent) => agent.health, [
    { name: 'health', sentAs: 'bytea', of: ({ body }) => body },
    { name: 'healthy', sentAs: 'boolean', of: ({ healthy }) => healthy },
  ]),
  field('effective_config_order', (agent) => agent.effectiveConfig, [
    { name: 'effective_config_hash', sentAs: 'bytea', of: ({ hash }) => hash },
  ]),
  field('available_components_order', (agent) => agent.availableComponents, [
    { name: 'available_components_hash', sentAs: 'bytea', of: ({ hash }) => hash },
  ]),
  field('package_statuses_order', (agent) => agent.packageStatuses, [
    { name: 'package_statuses_hash', sentAs: 'bytea', of: ({ hash }) => hash },
  ]),
  field('custom_capabilities_order', (agent) => agent.customCapabilities, [
    { name: 'custom_capabilities', sentAs: 'text', storedAs: 'text[]', of: arrayText },
  ]),
  field('connection_settings_status_order', (agent) => agent.connectionSettingsStatus, [
    { name: 'connection_settings_status', sentAs: 'text', storedAs: 'jsonb', of: (json) => json },
  ]),
  field('remote_config_status_order', (agent) => agent.remoteConfigStatus, [
    { name: 'remote_config_hash', sentAs: 'bytea', of: ({ hash }) => hash },
    { name: 'remote_config_status', sentAs: 'integer', of: ({ status }) => status },
    { name: 'remote_config_error', sentAs: 'text', of: ({ error }) => error },
  ]),
  field('applied_order', (agent) => agent.applied, [
    { name: 'applied_config_hash', sentAs: 'bytea', of: ({ hash }) => hash },
    { name: 'applied_at', sentAs: 'timestamptz', of: ({ at }) => at },
  ]),
  field('offered_order', (agent) => agent.offered, [
    { name: 'offered_config_hash', sentAs: 'bytea', of: ({ hash }) => hash },
    { name: 'offered_at', sentAs: 'timestamptz', of: ({ at }) => at },
    { name: 'offer_error', sentAs: 'text', of: ({ error }) => error },
  ]),
  field('connection_order', (agent) => agent.connected, [
    { name: 'connected', sentAs: 'boolean', of: (connected) => connected, absent: false },
  ]),
  field('peer_order', (agent) => agent.peer, [
    { name: 'gateway', sentAs: 'text', of: ({ gateway }) => gateway, absent: '' },
    {
      name: 'transport',
      sentAs: 'integer',
      of: ({ transport }) => (transport === 'http' ? 1 : 0),
      absent: 0,
    },
    { name: 'remote_address', sentAs: 'text', of: ({ remoteAddress }) => remoteAddress, absent: '' },
    { name: 'enrollment_token_id', sentAs: 'uuid', of: ({ enrollmentTokenId }) => enrollmentTokenId },
  ]),
];
