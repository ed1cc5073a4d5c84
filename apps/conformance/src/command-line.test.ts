import { expect, test } from 'vitest';
import { BadArguments, readArguments } from './command-line.ts';
import { allRows } from './rows/all-rows.ts';

const url = ['--url', 'ws://127.0.0.1:4320/v1/opamp'];
const read = (...args: string[]) => readArguments([...url, ...args], allRows);

test('an address is enough: all rows, no credential, no operator, 64 MiB', () => {
  expect(read()).toMatchObject({
    target: { token: null, operator: null, maxMessageBytes: 64 << 20 },
    json: null,
    markdown: null,
  });
  expect(read().rows).toHaveLength(allRows.length);
});

test('rows are picked by number or by chapter', () => {
  expect(read('--only', '2.9, 20').rows.map(({ number }) => number)).toEqual([
    '2.9',
    ...allRows.filter(({ number }) => number.startsWith('20.')).map(({ number }) => number),
  ]);
});

test('an API and its key make an operator', () => {
  expect(read('--api', 'http://127.0.0.1:4321', '--api-key', 'k').target.operator).not.toBeNull();
});

test.each([
  [[], '--url is missing'],
  [['--url', 'not an address'], '--url must be an address'],
  [['--url', 'ftp://somewhere'], '--url must be an address'],
  [[...url, '--api', 'http://127.0.0.1:4321'], '--api needs --api-key'],
  [[...url, '--only', '99'], '--only 99 names no row'],
  [[...url, '--max-message-bytes', 'many'], '--max-message-bytes must be'],
  [[...url, '--colour', 'red'], '--colour'],
])('%j is refused with the reason', (args, reason) => {
  expect(() => readArguments(args, allRows)).toThrow(BadArguments);
  expect(() => readArguments(args, allRows)).toThrow(reason);
});
