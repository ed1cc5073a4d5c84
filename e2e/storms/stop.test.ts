import { setTimeout as sleep } from 'node:timers/promises';
import type { SimulatorPool } from '@muster/simulator/simulator-pool';
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test } from 'vitest';
import { Backends } from '../harness/backends.ts';
import { showOnFailure } from '../harness/failure.ts';
import { differences } from '../harness/fleet-comparison.ts';
import { migrate, Processes, thisRelease } from '../harness/processes.ts';
import { showFigures, stormFleet } from './storm.ts';

const agents = 2_000;
/** MUSTER_DRAIN_SECONDS when it is not set. */
const defaultDrainMs = 5_000;
/** What a gateway takes beside the drain, with everything there: generous, tests share the machine. */
const lastWordsMs = 8_000;
/** deploy/compose.yaml gives a gateway so long, k8s more. */
const graceOfManifestsMs = 40_000;
/** docs/operations.md: so long an agent may be shown connected that no gateway holds. */
const lostWithinMs = 150_000;

let backends: Backends;
let processes: Processes;

showOnFailure(() => processes?.outputs ?? {});
beforeAll(async () => {
  backends = await Backends.start();
  await migrate(thisRelease, backends);
  processes = await Processes.start({
    backends,
    release: thisRelease,
    gateways: ['gateway-1', 'gateway-2'],
  });
});
afterAll(async () => {
  await processes?.dispose();
  await backends?.dispose();
});

describe('a gateway that is told to stop, with the default drain', () => {
  let fleet: SimulatorPool;
  let seed = 0;

  beforeEach(async () => {
    seed += 1;
    fleet = stormFleet(processes, agents, { seed, firstAgent: seed * agents });
    await fleet.start();
    expect(await differences(processes, fleet, 60_000)).toEqual([]);
  });
  afterEach(async () => {
    await fleet?.stop(false);
    if (processes.child('gateway-1').running) return;
    await processes.launch('gateway-1');
    await processes.ready('gateway-1');
  });
  const connected = async () => (await processes.rest.agents('status=connected&limit=1')).length;

  test('ends with 0, and every agent is shown as it is', { timeout: 240_000 }, async () => {
    const { code, tookMs } = await processes.stop('gateway-1');
    showFigures('SIGTERM with the default drain', { 'ended after, ms': tookMs });
    expect(processes.child('gateway-1').output).not.toMatch(/did not stop in time|left out at the end/);
    expect({ code }).toEqual({ code: 0 });
    expect(tookMs).toBeGreaterThan(defaultDrainMs * 0.8);
    expect(tookMs).toBeLessThan(defaultDrainMs + lastWordsMs);
    await fleet.untilOnline(agents, 60_000);
    expect(await differences(processes, fleet, 60_000)).toEqual([]);
  });

  test(
    'leaves no ghost when it is killed in the middle, and its agents do not come back',
    { timeout: 300_000 },
    async () => {
      processes.child('gateway-1').signal('SIGTERM');
      await sleep(defaultDrainMs / 2);
      await fleet.stop(false);
      processes.child('gateway-1').signal('SIGKILL');
      await processes.child('gateway-1').exited;
      const killedAt = performance.now();
      await expect.poll(connected, { timeout: lostWithinMs, interval: 1_000 }).toBe(0);
      showFigures('SIGKILL in the middle of the drain', {
        'last agent shown disconnected after, s': (performance.now() - killedAt) / 1_000,
      });
    },
  );

  test.each(['nats', 'redis'] as const)(
    'ends with 0 and in time while %s is away, and every agent is shown as it is later',
    { timeout: 400_000 },
    async (backend) => {
      backends[backend].pause();
      try {
        const { code, tookMs } = await processes.stop('gateway-1');
        showFigures(`SIGTERM while ${backend} hangs`, { 'ended after, ms': tookMs });
        expect({ code }).toEqual({ code: 0 });
        expect(tookMs).toBeLessThan(graceOfManifestsMs);
      } finally {
        backends[backend].resume();
      }
      await fleet.untilOnline(agents, 120_000);
      expect(await differences(processes, fleet, lostWithinMs)).toEqual([]);
    },
  );
});

test('a gateway ends at once at a second signal', async () => {
  processes.child('gateway-1').signal('SIGTERM');
  await sleep(1_500);
  const { tookMs } = await processes.stop('gateway-1');
  expect(tookMs).toBeLessThan(1_500);
});

test('every process ends with 0', async () => {
  const exits = await processes.stopAll();
  expect(exits).toEqual(
    Object.fromEntries(Object.keys(exits).map((name) => [name, { code: 0, signal: null }])),
  );
});
