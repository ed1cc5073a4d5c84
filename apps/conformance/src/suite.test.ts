import { afterEach, describe, expect, test } from 'vitest';
import { limit, startImperfectServer, token, type Fault } from './imperfect-server.setup.ts';
import type { Operator, ShownAgent } from './operator.ts';
import type { Verdict } from './outcome.ts';
import { allRows } from './rows/all-rows.ts';
import { run, type RowResult } from './runner.ts';
import type { Transport } from './transport.ts';

const [w, h]: Transport[] = ['websocket', 'http'];
/** For servers with a fault: an answer that does not come is waited for this long. */
const patienceMs = 400;
/** For a server without: nothing is waited for in vain, but the machine may be busy. */
const longPatienceMs = 3_000;

let close = () => {};
afterEach(() => close());

async function results(
  numbers: string[],
  operator: Operator | null,
  patienceMs: number,
): Promise<RowResult[]> {
  const server = await startImperfectServer();
  close = server.close;
  const target = { url: server.url, token, operator, maxMessageBytes: limit, patienceMs };
  return run({ rows: allRows.filter(({ number }) => numbers.includes(number)), target });
}

/** What came of the rows, as `number transport: verdict`. */
function verdicts(all: readonly RowResult[]): string[] {
  return all.flatMap(({ row, outcomes }) =>
    row.over.map((transport) => `${row.number} ${transport}: ${outcomes[transport]?.verdict}`),
  );
}

/** Which rows find which fault, over which transports. */
const found: [Fault, string, Transport[], Verdict][] = [
  ['is at every path', '1.2', [w!, h!], 'notMet'],
  ['counts messages by connection', '1.5', [w!, h!], 'notMet'],
  ['writes header 1', '2.1', [w!], 'notMet'],
  ['says nothing to text', '2.2', [w!], 'notMet'],
  ['takes any header', '2.3', [w!], 'missed'],
  ['answers every other message', '2.6', [w!], 'notMet'],
  ['has no limits', '2.8', [w!], 'notMet'],
  ['has no limits', '2.9', [w!], 'notMet'],
  ['closes with 1000 over the limit', '2.9', [w!], 'missed'],
  ['cuts without a Close frame', '2.12', [w!], 'notMet'],
  ['always packs', '3.3', [h!], 'missed'],
  ['never packs', '3.3', [h!], 'missed'],
  ['has no limits', '3.7', [h!], 'notMet'],
  ['answers every other message', '5.1', [w!, h!], 'notMet'],
  ['answers under the new uid', '5.2', [w!, h!], 'notMet'],
  ['offers packages without the bit', '5.3', [w!, h!], 'notMet'],
  ['says nothing to malformed messages', '5.4', [w!, h!], 'notMet'],
  ['puts capabilities beside errors', '5.6', [w!, h!], 'notMet'],
  ['never asks for the full state', '6.4', [w!, h!], 'notMet'],
  ['never asks for the full state', '6.5', [w!, h!], 'notMet'],
  ['always asks for the full state', '6.6', [w!, h!], 'notMet'],
  ['counts messages by connection', '6.7', [w!, h!], 'notMet'],
  ['never says what it can', '7.1', [w!, h!], 'notMet'],
  ['sets reserved bits', '7.2', [w!, h!], 'notMet'],
  ['offers packages without the bit', '7.9', [w!, h!], 'notMet'],
  ['always asks for the full state', '7.15', [w!, h!], 'notMet'],
  ['takes any uid', '8.1', [w!, h!], 'notMet'],
  ['gives everyone one uid', '8.3', [w!, h!], 'notMet'],
  ['gives uids of version 4', '8.3', [w!, h!], 'missed'],
  ['announces custom capabilities again and again', '18.1', [w!, h!], 'notMet'],
  ['says nothing to malformed messages', '20.1', [w!, h!], 'missed'],
  ['sends errors to bystanders', '20.4', [w!], 'notMet'],
  ['lets everyone in', '21.2', [w!, h!], 'notMet'],
];

describe('the suite', { timeout: 30_000 }, () => {
  test.concurrent.each(found)(
    'finds a server that %s: row %s',
    async (fault, number, transports, verdict) => {
      const server = await startImperfectServer(fault);
      try {
        const target = { url: server.url, token, operator: null, maxMessageBytes: limit, patienceMs };
        const all = await run({ rows: allRows.filter((row) => row.number === number), target });
        expect(verdicts(all)).toEqual(transports.map((transport) => `${number} ${transport}: ${verdict}`));
      } finally {
        server.close();
      }
    },
  );

  test('finds nothing of this at a server without these faults', async () => {
    const numbers = [...new Set(found.map(([, number]) => number))];
    const all = await results(numbers, null, longPatienceMs);
    expect(verdicts(all).filter((line) => !line.endsWith(': met'))).toEqual([]);
    expect(all).toHaveLength(numbers.length);
  });

  test('does not ask for what a server says it does not offer, and tells when it needs an operator', async () => {
    expect(verdicts(await results(['7.14', '14.6', '3.9'], null, longPatienceMs))).toEqual([
      '3.9 http: notTestable',
      '7.14 websocket: notOffered',
      '7.14 http: notOffered',
      '14.6 websocket: notOffered',
      '14.6 http: notOffered',
    ]);
  });

  test('believes what the operator sees, not what the server answers', async () => {
    const [, ...all] = await results(['3.9', '6.2', '7.23', '10.1'], new BlindOperator(), patienceMs);
    expect(verdicts(all).filter((line) => !line.endsWith(': notMet'))).toEqual([]);
    expect(all.map(({ row }) => row.number)).toEqual(['6.2', '7.23', '10.1']);
  });
});

test('every row has a number of its own, in order, and all that a reader needs', () => {
  const numbers = allRows.map(({ number }) => number);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(numbers).toHaveLength(197);
  for (const row of allRows) {
    expect(row.rule).not.toBe('');
    expect(row.section).not.toBe('');
    expect(row.over.length).toBeGreaterThan(0);
  }
});

/** Shows every agent as connected and says nothing else of it, and takes every order. */
class BlindOperator implements Operator {
  readonly largestConfig = 0;
  readonly restartServer = null;

  agent(): Promise<ShownAgent> {
    return Promise.resolve({
      connected: true,
      healthy: null,
      identifying: {},
      nonIdentifying: {},
      capabilities: [],
      health: null,
      effectiveConfig: null,
      remoteConfigStatus: null,
      packages: null,
      components: null,
      configStatus: 'none',
      configError: null,
      lastSeen: 0,
    });
  }

  agentsWithKey = () => Promise.resolve([]);
  assignConfig = () => Promise.resolve();
  restartAgent = () => Promise.resolve(null);
  makeToken = () => Promise.resolve({ token: '', revoke: () => Promise.resolve() });
  cleanUp = () => Promise.resolve();
}
