import type { GivenOptions } from '@muster/simulator/options';
import { SimulatorPool } from '@muster/simulator/simulator-pool';
import type { Muster } from '../harness/muster.ts';

/** `STORMS=full` runs the sizes of docs/performance.md; without it they are small enough for every change. */
export const full = process.env['STORMS'] === 'full';

/** Picks by size. */
export function sized<Value>(small: Value, large: Value): Value {
  return full ? large : small;
}

/** Milliseconds an agent whose connection broke may take to come back (MUSTER_DISCONNECT_GRACE_MS). */
export const graceMs = 2_000;

/** Simulated agents, spread evenly over the gateways. They come all at once unless told otherwise. */
export function stormFleet(
  muster: Pick<Muster, 'opamp' | 'enrollmentToken'>,
  agents: number,
  options: Partial<GivenOptions> = {},
): SimulatorPool {
  return new SimulatorPool({
    urls: muster.opamp,
    token: muster.enrollmentToken,
    agents,
    heartbeatSeconds: 10,
    ...options,
  });
}

/** Prints what a storm measured, one line each, and fails nothing. */
export function showFigures(storm: string, figures: Record<string, unknown>): void {
  const lines = Object.entries(figures).map(([name, value]) => `  ${name.padEnd(44)} ${show(value)}`);
  process.stdout.write(`\n${storm}\n${lines.join('\n')}\n`);
}

function show(value: unknown): string {
  if (typeof value === 'number') return String(Math.round(value * 100) / 100);
  return typeof value === 'string' ? value : JSON.stringify(value);
}
