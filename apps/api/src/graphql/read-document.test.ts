import { buildSchema, getIntrospectionQuery, type GraphQLError } from 'graphql/index.js';
import { describe, expect, it } from 'vitest';
import { expectLinear, repeated } from '@muster/opamp/growth.setup';
import { asGraphqlError, formatError } from './graphql-errors.ts';
import { silentLog } from '@muster/platform/log';
import { QueryTooComplex } from '../http/errors.ts';
import { typeDefinitions } from '../schema.graphql.ts';
import { checkLimits } from './limits.ts';
import { readDocument } from './read-document.ts';

const schema = buildSchema(typeDefinitions);
/** All that is done before an operation is executed, with what a refusal says. */
function judge(source: string): void {
  try {
    checkLimits(schema, readDocument(schema, source), {});
  } catch (error) {
    const { errors = [asGraphqlError(error)] } = error as { errors?: GraphQLError[] };
    for (const each of errors) formatError(each, silentLog);
    throw error;
  }
}
const list = (count: number, text: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => text(n)).join(' ');

it('takes the usual introspection, and what pages ask for', () => {
  expect(() => judge(getIntrospectionQuery())).not.toThrow();
  expect(() =>
    judge(
      getIntrospectionQuery({ inputValueDeprecation: true, schemaDescription: true, specifiedByUrl: true }),
    ),
  ).not.toThrow();
  expect(() =>
    judge('query ($l: Int) { agents(limit: $l) { items { ...a } } } fragment a on Agent { uid name }'),
  ).not.toThrow();
});

const refusals: [what: string, source: string, message: RegExp][] = [
  ['a fragment that spreads itself', '{ ...f } fragment f on Query { ...f }', /spreads itself/],
  [
    'fragments in a ring',
    `{ ...f0 } ${list(50, (n) => `fragment f${n} on Query { overview { agents } ...f${(n + 1) % 50} }`)}`,
    /spreads itself/,
  ],
  [
    'a ring below a field, of which nothing is asked',
    '{ overview { agents } } fragment f on Rollout { agents { ...g } } fragment g on Agent { rollout { ...f } }',
    /spreads itself/,
  ],
  [
    'fragments that double',
    `{ ...f0 } ${list(40, (n) => `fragment f${n} on Query { ...f${n + 1} ...f${n + 1} }`)} fragment f40 on Query { overview { agents } }`,
    /too much/,
  ],
  ['100 aliases', `{ ${list(100, (n) => `a${n}: overview { agents }`)} }`, /more than 10 names/],
  [
    '100 aliases in fragments',
    `{ ${list(100, (n) => `...f${n}`)} } ${list(100, (n) => `fragment f${n} on Query { a${n}: audit { next } }`)}`,
    /more than 10 names/,
  ],
  [
    '100 aliases below one answer that is asked for ten times',
    `{ ${list(10, (n) => `agent(uid: "x") { ${list(10, (m) => `a${n}x${m}: effectiveConfig`)} }`)} }`,
    /more than 10 names/,
  ],
  [
    '10 aliases of what is costly, each',
    `{ ${list(10, (n) => `a${n}: overview { agents } b${n}: previewRollout(fleet: "a", configuration: "b", version: 1) { agents }`)} }`,
    /.*/,
  ],
  ['one field 4,000 times', `{ ${'overview '.repeat(4_000)} }`, /more than 30 times/],
  ['depth without end', `${'{ a '.repeat(2_000)}${'}'.repeat(2_000)}`, /deeper than 64/],
  ['lists in lists', `{ a(b: ${'['.repeat(2_000)}${']'.repeat(2_000)}) }`, /deeper than 64/],
  ['types in types', `query ($a: ${'['.repeat(2_000)}Int${']'.repeat(2_000)}) { a }`, /deeper than 64/],
  ['many operations', list(400, (n) => `query q${n} { overview { agents } }`), /more than 10 operations/],
  [
    'many fragments',
    list(400, (n) => `fragment f${n} on Query { drift { next } }`),
    /more than 100 fragments/,
  ],
  [
    'many directives',
    `{ overview ${'@skip(if: true) '.repeat(700)} { agents } }`,
    /more than 100 directives/,
  ],
  ['many tokens', `{ ${'__typename '.repeat(6_000)} }`, /more than 5000 tokens/],
  ['many lines', `{ overview {${'\n'.repeat(30_000)} agents } }`, /more than 20000 lines/],
  ['a long document', `{ overview { agents } } # ${'x'.repeat(300_000)}`, /more than 262144 characters/],
  [
    'introspection on its own heels',
    `{ __schema { types { ${'fields { type { '.repeat(5)} name ${'} } '.repeat(5)} } } }`,
    /.*/,
  ],
];

describe('refuses before it is executed, in no time', () => {
  it.each(refusals)('%s', (_what, source, message) => {
    const before = process.cpuUsage();
    expect(() => judge(source)).toThrow(message);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(250);
  });

  it('and with a reason', () => {
    expect(() => judge('{ ...f } fragment f on Query { ...f }')).toThrow(QueryTooComplex);
    expect(() => judge('{ nope }')).toThrow(expect.objectContaining({ errors: [expect.any(Error)] }));
  });
});

describe('costs no more than the document is long', () => {
  const within = (before: string, fragment: string, after = '}') =>
    [fragment, (size: number) => `${before}${repeated(fragment)(size)}${after}`] as const;
  let id = 0;
  const numbered = (before: string, text: (n: number) => string, after = '}') =>
    [
      text(0),
      (size: number) => {
        let made = before;
        while (made.length < size) made += text(id++);
        return made + after;
      },
    ] as const;

  it.each([
    within('{', 'a '),
    within('{', '__typename '),
    within('{', 'overview{agents}'),
    within('{', 'agent(uid:"x"){uid name}'),
    within('{', '...{'),
    within('{', '...on Query{overview{agents}}'),
    within('{', '...f '),
    within('', '{a', ''),
    within('', '{ a(b:[', ''),
    within('', '{a(b:{c:', ''),
    within('query(', '$a:Int '),
    within('query($a:', '[', 'Int){a}'),
    within('{overview', '@skip(if:true)', '{agents}}'),
    within('{a(b:"', 'x', '")}'),
    within('{a(b:"', String.raw`\u0041`, '")}'),
    within('{a(b:"""', '\n', '""")}'),
    within('{a(b:"""', '\\"""', '""")}'),
    within('{a(b:"""', '  x\n', '""")}'),
    within('{a(b:', '1', ')}'),
    within('{', 'x', '}'),
    within('{', '#\n', 'nope nope2 nope3 nope4}'),
    within('{', '\n', 'nope nope2 nope3 nope4 nope5 nope6 nope7 nope8}'),
    within('', '\ufeff', '{a}'),
    within('', ',', '{a}'),
    within('', 'fragment f on Query{...f}', ''),
    within('{...f0}', 'type A {a: Int}', ''),
    numbered('{', (n) => `a${n}:overview{agents}`),
    numbered('{', (n) => `a${n} `),
    numbered('', (n) => `query q${n}{overview{agents}}`, ''),
    numbered('', (n) => `fragment f${n} on Query{...f${n + 1} ...f${n + 1}}`, '{...f0}'),
    numbered('', (n) => `query q${n}($a:Int){agents(limit:$a){next}}`, ''),
    numbered('query(', (n) => `$a${n}:Int `, '){overview{agents}}'),
  ])('repeating %s', (what, input) => {
    expectLinear(judge, input, { size: 64 * 1024, what });
  });
});
