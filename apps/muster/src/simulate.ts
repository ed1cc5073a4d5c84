import type { Running } from '@muster/platform/running';
import type { SimulatorStats } from '@muster/simulator/tally';
import { SimulatorPool } from '@muster/simulator/simulator-pool';
import type { SimulateOptions } from './simulate-options.ts';

const everyMs = 1_000;

export interface Output {
  /** Of a live line: replaces the last on a terminal. */
  live: (text: string) => void;
  report: (text: string) => void;
}

/**
 * A simulated fleet until it is stopped, with a line of numbers each second. `program` is run for each of its
 * processes, with `args`.
 */
export async function startSimulation(
  options: SimulateOptions,
  output: Output,
  program: { path: string; args: string[] },
): Promise<Running> {
  const pool = new SimulatorPool(options.fleet, options.processes, program);
  try {
    await pool.begin();
  } catch (error) {
    await pool.stop(false);
    throw error;
  }
  const began = performance.now();
  let before: SimulatorStats | null = null;
  const timer = setInterval(() => {
    void pool
      .stats()
      .then((stats) => {
        output.live(line(stats, before, options.fleet.agents ?? 0, (performance.now() - began) / 1_000));
        before = stats;
      })
      .catch(() => {}); // it is being stopped
  }, everyMs);
  const ends =
    options.seconds === null
      ? null
      : setTimeout(() => process.kill(process.pid, 'SIGTERM'), options.seconds * 1_000);
  return {
    async stop() {
      clearInterval(timer);
      if (ends) clearTimeout(ends);
      const stats = await pool.stats();
      await pool.stop();
      const seconds = (performance.now() - began) / 1_000;
      output.report(options.json ? `${JSON.stringify({ seconds, ...stats }, null, 2)}\n` : summary(stats));
    },
  };
}

function line(now: SimulatorStats, before: SimulatorStats | null, agents: number, seconds: number): string {
  const perSecond = now.heartbeatsAnswered - (before?.heartbeatsAnswered ?? 0);
  const parts = [
    `${Math.round(seconds)} s`,
    `${now.online}/${agents} online`,
    `${perSecond} heartbeats/s`,
    `p99 ${ms(now.heartbeatMs.p99)}`,
    `${now.offers} offers`,
    `${now.applied} applied`,
  ];
  const rare = [
    [now.failed, 'failed'],
    [now.dropped, 'dropped'],
    [now.throttled, 'throttled'],
    [now.fullStateAsked, 'full states asked'],
    [now.renamed, 'renamed'],
    [Object.values(now.errors).reduce((sum, count) => sum + count, 0), 'errors'],
  ] as const;
  for (const [count, what] of rare) if (count > 0) parts.push(`${count} ${what}`);
  return parts.join('  ');
}

function summary(stats: SimulatorStats): string {
  const lines = [
    '',
    `  answered          ${stats.answered} first messages, ${stats.heartbeatsAnswered} of ${stats.heartbeats} heartbeats`,
    `  heartbeat answer  p50 ${ms(stats.heartbeatMs.p50)}  p99 ${ms(stats.heartbeatMs.p99)}  max ${ms(stats.heartbeatMs.max)}`,
    `  connect           p50 ${ms(stats.connectMs.p50)}  p99 ${ms(stats.connectMs.p99)}  max ${ms(stats.connectMs.max)}`,
    `  offers            ${stats.offers}: ${stats.applied} applied, ${stats.failed} failed`,
    `  also              ${stats.dropped} dropped, ${stats.throttled} throttled, ${stats.fullStateAsked} full states asked`,
    ...Object.entries(stats.errors).map(([reason, count]) => `  error             ${count} × ${reason}`),
    '',
  ];
  return lines.join('\n');
}

function ms(value: number): string {
  return value < 10 ? `${value.toFixed(2)} ms` : `${Math.round(value)} ms`;
}
