import { startMuster } from '../muster.ts';
import { median, type RunResult } from '../results.ts';
import { chosenStages, runSeries, usualSession } from '../run.ts';
import type { OwnFigure } from './own-figure.ts';

const reportBytes = 2_048;
const heartbeatSeconds = 30;
const gateways = 3;
/** What a size may cost more than the smallest and still count as flat: the machine's noise. */
const flat = 1.15;
const metrics = [
  ['connect.cpu', 'CPU per enrolment, µs'],
  ['heartbeat.cpu', 'CPU per heartbeat, µs'],
  ['memory.all', 'memory per agent, KiB'],
  ['memory.gateway', 'gateway memory per agent, KiB'],
] as const;

/** What an agent costs as there are more of them, over three gateway processes. */
export const scale: OwnFigure = async (options, { print, keep }) => {
  const runs: RunResult[] = [];
  for (const agents of options.scale) {
    runs.push(
      ...(await runSeries({
        figure: 'scale',
        mode: 'cluster',
        contenders: [
          { name: 'muster', start: () => startMuster({ mode: 'cluster', moreGateways: gateways - 2 }) },
        ],
        stages: chosenStages(['memory', 'heartbeat']),
        session: {
          ...usualSession(options.quick, agents, reportBytes),
          heartbeatSeconds,
          watchSeconds: heartbeatSeconds,
        },
        rounds: options.rounds,
      })),
    );
  }
  const lines = metrics.map(([metric, label]) => {
    const values = options.scale.map((agents) =>
      median(
        runs
          .filter((run) => run.agents === agents && run.void === null)
          .map((run) => run.numbers[metric] ?? Number.NaN),
      ),
    );
    const [first, last] = [values[0], values.at(-1)];
    const met = first != null && last != null && last <= first * flat;
    return `| ${[label, ...values.map((value) => value?.toFixed(1) ?? '–'), met ? '✓' : '✗'].join(' | ')} |`;
  });
  const head = ['', ...options.scale.map((agents) => `${agents} agents`), 'flat or falling'];
  print(`\n### What an agent costs, three gateways, a heartbeat every ${heartbeatSeconds} s\n`);
  print([`| ${head.join(' | ')} |`, `| ${head.map(() => '---').join(' | ')} |`, ...lines].join('\n'));
  keep(runs);
};
