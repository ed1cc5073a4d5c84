import { createTestDatabase, type TestDatabase } from '@muster/db/test-database.postgres';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  matchesSelector,
  parseSelector,
  type Comparison,
  type Requirement,
  type SelectableAgent,
  type Selector,
} from './selector.ts';
import { whereSelector } from './selector.postgres.ts';

let database: TestDatabase;
const agents: (SelectableAgent & { uid: string })[] = [];
const tokens = ['edge', 'core', 'edge'].map((name, index) => ({
  name,
  id: `0190a0b0-0000-7000-9000-00000000000${index}`,
}));
const keys = ['env', 'region', 'host.name', 'a/b', 'odd "key"', '__proto__', 'constructor', 'größe'];
const versions = ['1', '1.2', 'v1.2.0', '0.149.0', '0.149.0-rc.1', '0.15', '2.0.0.7.1', '99999999999.1'];
const values = [
  ...versions,
  'prod',
  'test',
  '',
  'a b',
  'x"y',
  String.raw`back\slash`,
  '%_',
  '1',
  'true',
  'null',
  'süß',
];

let seed = 7;
/** A repeatable number in [0, n). */
function random(n: number): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor((seed / 2 ** 32) * n);
}
const oneOf = <T>(items: readonly T[]): T => items[random(items.length)]!;

function randomMap(size: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: random(size) }, () => [oneOf(keys), oneOf(values)]));
}

function randomRequirement(): Requirement {
  if (random(5) === 0) return randomTokenRequirement();
  const source = oneOf([undefined, undefined, 'label', 'attribute'] as const);
  const key = oneOf([...keys, 'missing']);
  const named = { key, ...(source && { source }) };
  const operator = oneOf(['in', 'notIn', 'exists', 'notExists', '<', '<=', '>', '>='] as const);
  if (operator.includes('<') || operator.includes('>')) {
    return { ...named, operator: operator as Comparison, version: oneOf(versions.slice(0, -1)) };
  }
  if (operator === 'exists' || operator === 'notExists') return { ...named, operator };
  return {
    ...named,
    operator: operator as 'in',
    values: Array.from({ length: 1 + random(3) }, () => oneOf(values)),
  };
}

function randomTokenRequirement(): Requirement {
  const operator = oneOf(['in', 'notIn', 'exists', 'notExists'] as const);
  if (operator === 'exists' || operator === 'notExists') return { key: '', source: 'token', operator };
  const names = Array.from({ length: 1 + random(2) }, () => oneOf(['edge', 'core', 'gone']));
  return { key: '', source: 'token', operator, values: names };
}

beforeAll(async () => {
  database = await createTestDatabase();
  await database.db
    .insertInto('enrollment_tokens')
    .values(
      tokens.map((token) => ({
        ...token,
        secret_hash: Buffer.from(token.id),
        labels: '{}',
        created_by: 'test',
      })),
    )
    .execute();
  for (let number = 0; number < 200; number++) {
    const uid = `0190a0b0-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;
    const [attributes, labels] = [randomMap(6), randomMap(4)];
    const token = oneOf([...tokens, undefined]);
    await database.db
      .insertInto('agents')
      .values({
        uid,
        attributes: JSON.stringify(attributes),
        labels: JSON.stringify(labels),
      })
      .execute();
    await database.db
      .insertInto('agent_states')
      .values({ uid, epoch: 0, sequence_num: 0, capabilities: 0, enrollment_token_id: token?.id ?? null })
      .execute();
    agents.push({ uid, attributes, labels, token: token?.name ?? null });
  }
});
afterAll(() => database.drop());

it('SQL selects what matching in memory does, on random data', async () => {
  let selected = 0;
  for (let round = 0; round < 200; round++) {
    const selector: Selector = { requirements: Array.from({ length: random(4) }, randomRequirement) };
    const rows = await database.db
      .selectFrom('agents')
      .select('agents.uid')
      .where(whereSelector(selector))
      .orderBy('agents.uid')
      .execute();
    const expected = agents.filter((agent) => matchesSelector(selector, agent));
    expect(
      rows.map(({ uid }) => uid),
      JSON.stringify(selector),
    ).toEqual(expected.map(({ uid }) => uid));
    selected += rows.length;
  }
  expect(selected).toBeGreaterThan(1000);
});

it('finds equality and "in" by the index', async () => {
  const plan = await database.db.transaction().execute(async (transaction) => {
    await sql`set local enable_seqscan = off`.execute(transaction);
    const query = transaction
      .selectFrom('agents')
      .select('agents.uid')
      .where(whereSelector(parseSelector('env=prod,region in (test,prod)')));
    return query.explain<{ 'QUERY PLAN': string }>();
  });
  expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toContain('agents_matching');
});

it('finds labels by the index', async () => {
  const plan = await database.db.transaction().execute(async (transaction) => {
    await sql`set local enable_seqscan = off`.execute(transaction);
    const query = transaction
      .selectFrom('agents')
      .select('agents.uid')
      .where(whereSelector(parseSelector('label:env=prod')));
    return query.explain<{ 'QUERY PLAN': string }>();
  });
  expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toContain('agents_matching');
});
