import { sql, type Kysely } from 'kysely';

const reportOrders = [
  'capabilities_order',
  'health_order',
  'effective_config_order',
  'available_components_order',
  'package_statuses_order',
  'custom_capabilities_order',
  'connection_settings_status_order',
  'remote_config_status_order',
  'applied_order',
  'peer_order',
];

/** Sixteen bytes instead of an array of forty. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // *_order is epoch and sequence_num of the report that set the field, 64 bits each: bytes compare as
  // these numbers do, so a late report never overwrites a newer one, field by field.
  await sql`
    alter table agents
      alter description_order type bytea using ${bytesOf('description_order', 2)}`.execute(db);
  // offered_order goes on with Unix ms: several offers may follow one report.
  // connection_order is 2 × epoch, plus 1 once that connection has ended.
  await sql`
    alter table agent_states
      ${sql.join(reportOrders.map((name) => sql`alter ${sql.id(name)} type bytea using ${bytesOf(name, 2)}`))},
      alter offered_order type bytea using ${bytesOf('offered_order', 3)},
      alter connection_order type bigint using connection_order[1] * 2 + connection_order[2],
      -- neither is read beyond 2^53
      alter sequence_num type bigint,
      alter capabilities type bigint`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table agents
      alter description_order type bigint[] using ${numbersOf('description_order', 2)}`.execute(db);
  await sql`
    alter table agent_states
      ${sql.join(reportOrders.map((name) => sql`alter ${sql.id(name)} type bigint[] using ${numbersOf(name, 2)}`))},
      alter offered_order type bigint[] using ${numbersOf('offered_order', 3)},
      alter connection_order type bigint[] using
        case when connection_order is not null then array[connection_order / 2, connection_order % 2] end,
      alter sequence_num type numeric(20),
      alter capabilities type numeric(20)`.execute(db);
}

function bytesOf(column: string, elements: number) {
  const each = Array.from(
    { length: elements },
    (_, i) => sql`int8send(${sql.id(column)}[${sql.lit(i + 1)}])`,
  );
  return sql.join(each, sql` || `);
}

function numbersOf(column: string, elements: number) {
  const each = Array.from({ length: elements }, (_, i) => {
    const hex = sql`encode(substring(${sql.id(column)} from ${sql.lit(i * 8 + 1)} for 8), 'hex')`;
    return sql`('x' || ${hex})::bit(64)::bigint`;
  });
  return sql`case when ${sql.id(column)} is not null then array[${sql.join(each)}] end`;
}
