import { buildSchema, getIntrospectionQuery, parse } from 'graphql/index.js';
import { describe, expect, it } from 'vitest';
import { QueryTooComplex } from '../http/errors.ts';
import { typeDefinitions } from '../schema.graphql.ts';
import { checkLimits } from './limits.ts';

const schema = buildSchema(typeDefinitions);
const check = (query: string, variables: Record<string, unknown> = {}) =>
  checkLimits(schema, parse(query), variables);

describe('lets through', () => {
  it.each([
    ['introspection', getIntrospectionQuery()],
    [
      'one agent in full',
      '{ agent(uid: "x") { uid health effectiveConfig components packages connection { gateway } } }',
    ],
    ['a page of details', '{ agents(limit: 50) { items { uid health effectiveConfig } } }'],
    ['fleets with their rollouts', '{ fleets { name rollout { waves { counts } events { kind } } } }'],
  ])('%s', (_what, query) => {
    expect(() => check(query)).not.toThrow();
  });

  it('a limit by variable, for what it is', () => {
    const query = 'query ($n: Int) { agents(limit: $n) { items { health effectiveConfig packages } } }';
    expect(() => check(query, { n: 20 })).not.toThrow();
    expect(() => check(query, { n: 500 })).toThrow(QueryTooComplex);
    expect(() => check(query)).toThrow(QueryTooComplex);
  });
});

describe('refuses', () => {
  const fragments = (depth: number) =>
    Array.from({ length: depth }, (_, n) => `fragment f${n} on Query { ...f${n + 1} ...f${n + 1} }`).join(
      '\n',
    );

  it.each([
    ['many details of many agents', '{ agents(limit: 500) { items { health components } } }'],
    [
      'the same again and again',
      `{ ${Array.from({ length: 300 }, (_, n) => `a${n}: fleets { name }`).join(' ')} }`,
    ],
    ['lists in lists', '{ rollouts(limit: 500) { items { agents(limit: 500) { uid } } } }'],
    ['a flood of fragments', `{ ...f0 }\n${fragments(40)}\nfragment f40 on Query { overview { agents } }`],
    [
      'a second operation that is too much',
      'query a { overview { agents } } query b { agents(limit: 500) { items { health components } } }',
    ],
    [
      'depth without end',
      `{ __schema { types { ${'fields { type { '.repeat(10)} name ${'} } '.repeat(10)} } } }`,
    ],
  ])('%s', (_what, query) => {
    expect(() => check(query)).toThrow(QueryTooComplex);
  });
});
