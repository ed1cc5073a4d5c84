// Measures Muster beside a plain server on the reference Go library and a bare uWebSockets.js, and prints
// the table with ratios and goals. Linux: it reads /proc. See loadtest/README.md.
import { writeFileSync } from 'node:fs';
import { figures } from './figures.ts';
import { startFloor } from './floor.ts';
import { startMuster } from './muster.ts';
import { readBenchOptions, usage, type BenchOptions } from './options.ts';
import { bus } from './own/bus.ts';
import { desiredState } from './own/desired-state.ts';
import { ingest } from './own/ingest.ts';
import { multiplexed } from './own/multiplexed.ts';
import type { OwnFigure } from './own/own-figure.ts';
import { rollouts } from './own/rollouts.ts';
import { scale } from './own/scale.ts';
import { tls } from './own/tls.ts';
import { startPlain } from './plain.ts';
import { rowsOf, table, type RunResult } from './results.ts';
import { chosenStages, runSeries, say, usualSession } from './run.ts';

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const own: Record<string, OwnFigure> = {
  bus,
  tls,
  multiplexed,
  scale,
  ingest,
  'desired-state': desiredState,
  rollouts,
};

async function bench(options: BenchOptions): Promise<void> {
  const results: RunResult[] = [];
  const keep = (runs: RunResult[]) => {
    results.push(...runs);
    if (options.json) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
    sayVoids(runs);
  };
  const wanted = figures.filter(({ stage }) => options.figures.includes(stage));
  if (wanted.length > 0) {
    for (const { mode, agents, reportBytes } of combinations(options)) {
      const runs = await runSeries({
        figure: 'stages',
        mode,
        contenders: [
          { name: 'plain', start: () => startPlain() },
          { name: 'floor', start: () => startFloor() },
          { name: 'muster', start: () => startMuster({ mode }) },
        ],
        stages: chosenStages(options.figures),
        session: usualSession(options.quick, agents, reportBytes),
        rounds: options.rounds,
      });
      const title = `${mode}, ${agents} agents, reports of ${reportBytes} bytes`;
      print(table(title, rowsOf(runs, wanted, reportBytes)));
      keep(runs);
    }
  }
  for (const [name, run] of Object.entries(own)) {
    if (options.figures.includes(name)) await run(options, { print, keep });
  }
}

function combinations({ modes, agents, reportBytes }: BenchOptions) {
  return modes.flatMap((mode) =>
    agents.flatMap((count) => reportBytes.map((bytes) => ({ mode, agents: count, reportBytes: bytes }))),
  );
}

function sayVoids(runs: readonly RunResult[]): void {
  for (const { subject, round, void: reason } of runs)
    if (reason !== null) print(`void: ${subject} in round ${round}: ${reason}`);
}

if (process.argv.includes('--help')) print(usage);
else
  await bench(readBenchOptions(process.argv.slice(2))).catch((error: Error & { code?: string }) => {
    say(`bench: ${error.code === 'bad-option' ? error.message : error.stack}`);
    process.exit(2);
  });
