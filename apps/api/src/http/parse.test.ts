import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { InvalidRequest } from './errors.ts';
import { listQuery, parse, parseId } from './parse.ts';

function refusal(schema: z.ZodType, input: unknown): InvalidRequest {
  try {
    parse(schema, input);
  } catch (error) {
    if (error instanceof InvalidRequest) return error;
    throw error;
  }
  throw new Error('was taken');
}

describe('parse', () => {
  const schema = z.strictObject({ a: z.string(), b: z.object({ c: z.array(z.int()) }).optional() });

  it('names every field that is wrong', () => {
    const { field, errors } = refusal(schema, { a: 1, b: { c: [1, 'x'] } });
    expect(field).toBe('a');
    expect(errors.map((error) => error.field)).toEqual(['a', 'b.c.1']);
  });

  it('names what it does not know', () => {
    expect(refusal(schema, { a: '', d: 1 }).field).toBe('d');
    expect(refusal(schema, 'text').field).toBe('body');
  });

  it.each([
    ['a NUL', { a: '\0' }, 'a'],
    ['a lone surrogate', { a: '\udc00' }, 'a'],
    ['a key that is no text', { b: { '\ud800': 1 } }, 'b'],
    ['a NUL in a list', { b: { c: ['x', '\0'] } }, 'b.c.1'],
  ])('refuses %s', (_what, input, field) => {
    expect(refusal(schema, input).field).toBe(field);
  });

  it('takes any text that can be stored', () => {
    expect(parse(schema, { a: 'ü 🌍 \n\t' })).toEqual({ a: 'ü 🌍 \n\t' });
  });

  it('refuses nesting without end instead of following it', () => {
    let nested: unknown = 1;
    for (let level = 0; level < 100_000; level++) nested = [nested];
    expect(refusal(z.object({ a: z.unknown() }), { a: nested }).field).toBe('a');
  });
});

describe('parameters of lists', () => {
  it('have defaults, and empty counts as left out', () => {
    expect(parse(listQuery, {})).toEqual({ limit: 50 });
    expect(parse(listQuery, { limit: '500', after: '' })).toEqual({ limit: 500 });
  });

  it.each(['0', '501', '-1', '1.5', 'x', '1e9', 'Infinity'])('refuse a limit of %s', (limit) => {
    expect(refusal(listQuery, { limit }).field).toBe('limit');
  });
});

it('ids are read in any case', () => {
  expect(parseId('0190A0B0-0000-7000-8000-000000000001')).toBe('0190a0b0-0000-7000-8000-000000000001');
  expect(() => parseId('0190a0b0')).toThrow(InvalidRequest);
});
