import type { Figure } from '../figures.ts';
import { startMuster } from '../muster.ts';
import { startPlain } from '../plain.ts';
import { rowsOf, table } from '../results.ts';
import { chosenStages, runSeries, usualSession } from '../run.ts';
import type { OwnFigure } from './own-figure.ts';

const reportBytes = 256;
const heartbeatSeconds = 30;
const figures: Figure[] = [
  { stage: 'connect', metric: 'connect.cpu', label: 'CPU per enrolment, stored', unit: 'µs' },
  { stage: 'connect', metric: 'connect.gatewayCpu', label: '  gateway alone', unit: 'µs' },
  {
    stage: 'memory',
    metric: 'memory.gateway',
    label: 'gateway memory per agent',
    unit: 'KiB',
    goal: { atMost: 0.2, times: 'plain' },
  },
  { stage: 'memory', metric: 'memory.allMiB', label: 'memory of all', unit: 'MiB' },
  {
    stage: 'heartbeat',
    metric: 'heartbeat.gatewayCpu',
    label: 'CPU per message, gateway',
    unit: 'µs',
    goal: { atMost: 0.5, times: 'plain' },
  },
  { stage: 'heartbeat', metric: 'heartbeat.cpu', label: 'CPU per message, all', unit: 'µs' },
  { stage: 'heartbeat', metric: 'heartbeat.perSecond', label: 'messages per second', unit: '/s' },
  { stage: 'heartbeat', metric: 'heartbeat.p99', label: 'answered, p99', unit: 'ms' },
];

/** Very many agents behind gateways of their own: few sockets, all of them in the inventory. */
export const multiplexed: OwnFigure = async (options, { print, keep }) => {
  const { agents, connections } = options.multiplexed;
  const runs = await runSeries({
    figure: 'multiplexed',
    mode: 'cluster',
    contenders: [
      { name: 'plain', start: () => startPlain() },
      { name: 'muster', start: () => startMuster({ mode: 'cluster' }) },
    ],
    stages: chosenStages(['memory', 'heartbeat']),
    session: {
      ...usualSession(options.quick, agents, reportBytes),
      agentsPerConnection: Math.ceil(agents / connections),
      heartbeatSeconds,
      watchSeconds: heartbeatSeconds,
    },
    rounds: options.rounds,
  });
  print(
    table(
      `${agents} agents over ${connections} sockets, heartbeat every ${heartbeatSeconds} s, cluster`,
      rowsOf(runs, figures, reportBytes),
    ),
  );
  keep(runs);
};
