import { setTimeout as sleep } from 'node:timers/promises';
import type { SimulatorPool } from '@muster/simulator/simulator-pool';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { showOnFailure } from '../harness/failure.ts';
import { logged, modes, Muster } from '../harness/muster.ts';
import { ProcessWatch } from '../harness/process-watch.ts';
import { full, showFigures, sized, stormFleet } from './storm.ts';

const agents = sized(1_000, 2_000);
const churnMs = sized(45_000, 300_000);
/** Each agent drops and returns, or reports other health, three times a minute on the average. */
const churnPerMinute = 3;
/** MiB per minute, over the second half. A short run still warms up. */
const steepest = sized(60, 4);
/** Connections that are being replaced, and a pool that grows. */
const handleRoom = 40;

describe.skipIf(!modes.includes('cluster'))('churn', () => {
  let muster: Muster;
  let fleet: SimulatorPool;

  showOnFailure(() => ({ muster: muster?.output }));
  beforeAll(async () => {
    muster = await Muster.start({ provokes: logged, mode: 'cluster', withoutNpm: true });
    fleet = stormFleet(muster, agents, { churnPerMinute });
    await fleet.start();
  });
  afterAll(async () => {
    await fleet?.stop(false);
    await muster?.dispose();
  });

  test('memory and open handles of every process stay flat', { timeout: churnMs + 60_000 }, async () => {
    const before = await fleet.stats();
    const watch = ProcessWatch.start(muster.parts);
    await sleep(churnMs);
    const processes = watch.stop();
    const after = await fleet.stats();

    showFigures(`${agents} agents, ${churnPerMinute} changes a minute each, for ${churnMs / 1_000} s`, {
      'came back': after.answered - before.answered,
      'full states asked': after.fullStateAsked - before.fullStateAsked,
      'connections the server ended': after.dropped - before.dropped,
      errors: after.errors,
      ...Object.fromEntries(
        processes.map(({ name, first, last, peak, slope, handles }) => [
          `${name}: MiB first, last, most; MiB/min; handles`,
          [[first, last, peak], Math.round(slope * 100) / 100, handles],
        ]),
      ),
    });
    expect(processes.map(({ name }) => name).sort()).toEqual([
      'api',
      'configs',
      'gateway-1',
      'gateway-2',
      'inventory',
      'rollouts',
    ]);
    expect(processes.filter(({ slope }) => slope > steepest)).toEqual([]);
    expect(processes.filter(({ handles: [from, to] }) => to - from > handleRoom)).toEqual([]);
    expect(after.dropped).toBe(before.dropped);
    expect(after.online).toBeGreaterThan(agents * 0.98);
    if (full) expect(after.fullStateAsked).toBe(before.fullStateAsked);
  });
});
