import { parseArgs } from 'node:util';
import type { Mode } from './subject.ts';

export interface BenchOptions {
  figures: string[];
  agents: number[];
  reportBytes: number[];
  modes: Mode[];
  rounds: number;
  quick: boolean;
  /** Where the results go as JSON, or null. */
  json: string | null;
  multiplexed: { agents: number; connections: number };
  scale: number[];
}

/** An option that cannot be used. */
export class BadOption extends Error {
  readonly code = 'bad-option';
}

/** The stages of a run, in their order, and the figures that have a set-up of their own. */
export const stageNames = ['connect', 'memory', 'heartbeat', 'operations', 'publish', 'storm'];
export const ownFigures = ['bus', 'tls', 'multiplexed', 'scale', 'ingest', 'desired-state', 'rollouts'];

export const usage = `npm run bench: Muster beside plain (a server on the reference Go library) and floor (bare uWebSockets.js)

  --figures A,B         of ${[...stageNames, ...ownFigures].join(', ')} (default: all)
  --agents N,M          (default 5000,15000)
  --report-bytes N,M    size of the effective configuration in a report (default 2048,8192)
  --mode M              all-in-one, cluster or both (default both)
  --rounds N            order alternated, medians (default 3)
  --multiplexed N:M     N agents over M sockets (default 1000000:100)
  --scale A,B,…         agents over three gateways (default 1000,5000,15000,50000)
  --quick               a look: 2,000 agents, one size, all-in-one, one round, shorter watches
  --json FILE           every run with its numbers
`;

export function readBenchOptions(args: string[]): BenchOptions {
  const { values } = parse(args);
  const quick = values.quick ?? false;
  const pick = (given: string | undefined, normal: string, fast: string) => given ?? (quick ? fast : normal);
  const known = [...stageNames, ...ownFigures];
  const figures = pick(values.figures, known.join(','), stageNames.join(',')).split(',');
  const unknown = figures.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new BadOption(`--figures has ${JSON.stringify(unknown)}: choose from ${known.join(', ')}`);
  const mode = pick(values.mode, 'both', 'all-in-one');
  if (!['all-in-one', 'cluster', 'both'].includes(mode))
    throw new BadOption(`--mode is ${JSON.stringify(mode)}: give all-in-one, cluster or both`);
  const [agents, connections] = wholes(
    'multiplexed',
    (values.multiplexed ?? '1000000:100').replace(':', ','),
  );
  if (connections === undefined) throw new BadOption('--multiplexed wants AGENTS:SOCKETS');
  return {
    figures,
    agents: wholes('agents', pick(values.agents, '5000,15000', '2000')),
    reportBytes: wholes('report-bytes', pick(values['report-bytes'], '2048,8192', '2048')),
    modes: mode === 'both' ? ['all-in-one', 'cluster'] : [mode as Mode],
    rounds: wholes('rounds', pick(values.rounds, '3', '1'))[0]!,
    quick,
    json: values.json ?? null,
    multiplexed: { agents: agents!, connections },
    scale: wholes('scale', values.scale ?? '1000,5000,15000,50000'),
  };
}

function parse(args: string[]) {
  const text = { type: 'string' } as const;
  const options = {
    figures: text,
    agents: text,
    'report-bytes': text,
    mode: text,
    rounds: text,
    multiplexed: text,
    scale: text,
    json: text,
    quick: { type: 'boolean' },
  } as const;
  try {
    return parseArgs({ args, options, allowPositionals: false });
  } catch (error) {
    throw new BadOption((error as Error).message.split('\n')[0]);
  }
}

function wholes(name: string, given: string): number[] {
  const numbers = given.split(',').map(Number);
  if (numbers.some((number) => !Number.isInteger(number) || number < 1))
    throw new BadOption(`--${name} is ${JSON.stringify(given)}: give whole numbers from 1 up`);
  return numbers;
}
