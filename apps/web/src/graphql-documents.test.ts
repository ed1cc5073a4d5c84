import { buildSchema, parse, validate } from 'graphql';
import { stringifyDocument } from 'urql';
import { expect, test } from 'vitest';
import { typeDefinitions } from '../../api/src/schema.graphql.ts';

const schema = buildSchema(typeDefinitions);
const modules = import.meta.glob<Record<string, unknown>>('./**/*.queries.ts', { eager: true });
const sources = import.meta.glob<string>('./**/*.{ts,tsx}', {
  eager: true,
  query: '?raw',
  import: 'default',
});

const texts = new Set<string>();
for (const exported of Object.values(modules).flatMap((module) => Object.values(module))) collect(exported);

/** Finds documents in what a queries file exports: alone, in signals, and in what a function makes of an id. */
function collect(value: unknown): void {
  if (typeof value === 'function') return collect((value as (id: string) => unknown)('some-id'));
  if (typeof value !== 'object' || value === null) return;
  if ('kind' in value && value.kind === 'Document') {
    texts.add(stringifyDocument(value as Parameters<typeof stringifyDocument>[0]));
    return;
  }
  for (const part of Object.values(value)) collect(part);
}

test('every document of the UI is valid against the schema of the API', () => {
  for (const text of texts) {
    expect(
      validate(schema, parse(text)).map(({ message }) => message),
      text,
    ).toEqual([]);
  }
});

test('every document is in a queries file and was found there', () => {
  const written = Object.entries(sources).filter(([path]) => !path.endsWith('.test.ts'));
  const count = (source: string) => source.match(/\bgql[<(]/g)?.length ?? 0;
  const elsewhere = written.filter(([path, source]) => !path.endsWith('.queries.ts') && count(source) > 0);
  expect(elsewhere.map(([path]) => path)).toEqual([]);
  expect(texts.size).toBe(written.reduce((sum, [, source]) => sum + count(source), 0));
});
