import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { binaryArray, type ElementType } from './binary-array.ts';
import { createTestDatabase, type TestDatabase } from './test-database.postgres.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const uuid = '0190a0b0-c0d0-7f00-8fff-ffffffffffff';

const cases: [type: ElementType, values: unknown[], asRead: unknown[]][] = [
  ['boolean', [true, false, null], [true, false, null]],
  ['bytea', [Buffer.from([0, 255]), new Uint8Array(), null], [Buffer.from([0, 255]), Buffer.alloc(0), null]],
  [
    'bigint',
    [0, -1, 2 ** 32, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, null],
    ['0', '-1', '4294967296', '9007199254740991', '-9007199254740991', null],
  ],
  ['integer', [2 ** 31 - 1, -(2 ** 31), null], [2 ** 31 - 1, -(2 ** 31), null]],
  [
    'text',
    ['', 'NULL', '{"a"}\\,\n', 'süß\u{1F600}', null],
    ['', 'NULL', '{"a"}\\,\n', 'süß\u{1F600}', null],
  ],
  [
    'timestamptz',
    [0, 1_790_000_000_123, Date.UTC(1970, 0, 2), null],
    [new Date(0), new Date(1_790_000_000_123), new Date(Date.UTC(1970, 0, 2)), null],
  ],
  ['uuid', [uuid, null], [uuid, null]],
];

it.each(cases)('PostgreSQL reads %s as it was written', async (type, values, asRead) => {
  const array = binaryArray(type, values as never);
  const { rows } = await sql<{ value: unknown }>`
    select element.value from unnest(${array}::${sql.raw(type)}[]) with ordinality as element (value, place)
    order by element.place`.execute(database.db);
  expect(rows.map(({ value }) => value)).toEqual(asRead);
});

it('writes an empty array', async () => {
  const { rows } = await sql<{ n: number }>`
    select cardinality(${binaryArray('uuid', [])}::uuid[]) as n`.execute(database.db);
  expect(rows).toEqual([{ n: 0 }]);
});
