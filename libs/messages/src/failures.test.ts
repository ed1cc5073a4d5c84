import { describe, expect, it } from 'vitest';
import { BusUnavailable } from './errors.ts';
import { HandlerHung, describeFailure, kindOfFailure } from './failures.ts';

const withCode = (code: string, message = 'x') => Object.assign(new Error(message), { code });

describe('the kind of a failure', () => {
  it.each([
    ['08006', 'transient'],
    ['40001', 'transient'],
    ['40P01', 'transient'],
    ['53300', 'transient'],
    ['57P01', 'transient'],
    ['57P03', 'transient'],
    ['25006', 'transient'],
    ['42P01', 'transient'],
    ['58030', 'transient'],
    ['ECONNREFUSED', 'transient'],
    ['ECONNRESET', 'transient'],
    ['EPIPE', 'transient'],
    ['ETIMEDOUT', 'transient'],
    ['EAI_AGAIN', 'transient'],
    ['22P05', 'data'],
    ['22021', 'data'],
    ['23502', 'data'],
    ['21000', 'data'],
    ['54000', 'data'],
    ['57014', 'unknown'],
    ['XX000', 'unknown'],
    ['what-ever', 'unknown'],
  ])('%s is %s', (code, kind) => expect(kindOfFailure(withCode(code))).toBe(kind));

  it('is transient for what drivers say without a code', () => {
    for (const message of [
      'Connection terminated unexpectedly',
      'timeout exceeded when trying to connect',
      'Connection is closed.',
      'LOADING Redis is loading the dataset in memory',
      "READONLY You can't write against a read only replica.",
    ])
      expect(kindOfFailure(new Error(message))).toBe('transient');
    expect(kindOfFailure(new BusUnavailable('away'))).toBe('transient');
  });

  it('looks at causes and at what an error gathers, a circle too', () => {
    expect(kindOfFailure(new TypeError('fetch failed', { cause: withCode('ECONNREFUSED') }))).toBe(
      'transient',
    );
    expect(kindOfFailure(new AggregateError([withCode('ECONNREFUSED')], 'all'))).toBe('transient');
    const circle = new Error('round');
    circle.cause = circle;
    expect(kindOfFailure(circle)).toBe('unknown');
  });

  it('is data for mistakes over a value, unknown for anything else', () => {
    expect(kindOfFailure(new RangeError('Maximum call stack size exceeded'))).toBe('data');
    expect(kindOfFailure(new HandlerHung(10))).toBe('unknown');
    expect(kindOfFailure('text')).toBe('unknown');
    expect(kindOfFailure(undefined)).toBe('unknown');
  });
});

describe('the description of a failure', () => {
  it('is one line without what was worked on', () => {
    const detail = { code: '22P02', detail: 'Failing row contains (hunter2)', where: 'hunter2' };
    const error = Object.assign(new Error('invalid input syntax for type json: "hunter2\nx"'), detail);
    expect(describeFailure(error)).toBe('Error 22P02: invalid input syntax for type json: "…"');
    expect(describeFailure(new Error('null value in column "name" of relation "agents"'))).toBe(
      'Error: null value in column "name" of relation "agents"',
    );
  });

  it.each([
    'password=hunter2',
    'pwd: hunter2',
    'Bearer hunter2',
    'postgresql://muster:hunter2@db/muster',
    '{"api_key":"hunter2"}',
    "secret 'hunter2'",
    'found hunter2hunter2hunter2',
  ])('tells no secret of %s', (text) => expect(describeFailure(new Error(text))).not.toContain('hunter2'));

  it('keeps ids of agents, and is short whatever the text is', () => {
    const id = '00112233-4455-0677-0899-aabbccddeeff';
    expect(describeFailure(new Error(`agent ${id}`))).toContain(id);
    for (const text of [
      'a1'.repeat(5_000_000),
      '"'.repeat(5_000_000),
      'pwd '.repeat(1_000_000),
      '\ud800'.repeat(1_000),
    ])
      expect(describeFailure(new Error(text)).length).toBeLessThanOrEqual(300);
  });
});
