import type { SimulatorPool } from '@muster/simulator/simulator-pool';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { showOnFailure } from '../harness/failure.ts';
import { logged, modes, Muster } from '../harness/muster.ts';
import { ProcessWatch } from '../harness/process-watch.ts';
import { AcceptRate } from './accept-rate.ts';
import { showFigures, sized, stormFleet } from './storm.ts';

const agents = sized(2_000, 15_000);
const acceptsPerSecond = sized(100, 250);
const gateways = 2;
/** Seconds: the least that clients are asked to wait, and what the backlog needs then. */
const leastRetryAfter = 30;
const windowSeconds = agents / (gateways * acceptsPerSecond);
const firstTryWithinMs = 60_000;
/** Those whose turn falls together with others' come again, once or twice. */
const allInWithinMs = (3 * leastRetryAfter + 2 * windowSeconds) * 1_000;
/** What a gateway may need beside what an agent costs it. */
const memoryBoundMiB = 150;

describe.skipIf(!modes.includes('cluster'))('everyone at once', () => {
  let muster: Muster;
  let fleet: SimulatorPool;

  showOnFailure(() => ({ muster: muster?.output }));
  beforeAll(async () => {
    muster = await Muster.start({
      provokes: logged,
      mode: 'cluster',
      withoutNpm: true,
      env: { MUSTER_ACCEPTS_PER_SECOND: String(acceptsPerSecond) },
    });
    fleet = stormFleet(muster, agents, { dialsInFlight: agents, heartbeatSeconds: 30 });
  });
  afterAll(async () => {
    await fleet?.stop(false);
    await muster?.dispose();
  });

  test(
    'a cold cluster lets them in at its rate',
    { timeout: firstTryWithinMs + allInWithinMs + 60_000 },
    async () => {
      const watch = ProcessWatch.start(muster.parts);
      const rate = AcceptRate.watch(fleet);
      const startedAt = performance.now();
      await fleet.begin();
      await expect
        .poll(async () => triesOf(await fleet.stats()), { timeout: firstTryWithinMs, interval: 20 })
        .toBeGreaterThanOrEqual(agents);
      const triedAfterMs = performance.now() - startedAt;
      const { retryAfter } = await fleet.stats();
      await fleet.untilOnline(agents, allInWithinMs);
      const allInAfterMs = performance.now() - startedAt;
      await rate.stop();
      const processes = watch.stop().filter(({ name }) => name.startsWith('gateway'));
      const stats = await fleet.stats();

      // without those who got in at once and those who had to come a second time: up to a fifth
      const unsteady = rate.distanceFromSteady(0.15, 0.7);
      const distance = distanceFromUniform(retryAfter);
      showFigures(`${agents} agents at once, ${acceptsPerSecond} accepts a second and gateway`, {
        'first tries over after, s': triedAfterMs / 1_000,
        'all in after, s': allInAfterMs / 1_000,
        'shortest possible, s': leastRetryAfter + windowSeconds,
        'turned away': stats.throttled,
        'Retry-After from, to, s': [Math.min(...secondsOf(retryAfter)), Math.max(...secondsOf(retryAfter))],
        'Retry-After: distance from uniform (KS)': distance,
        'most accepts in a second': rate.mostInASecond,
        'arrivals: distance from steady': unsteady,
        'connect, p99 and max, ms': [stats.connectMs.p99, stats.connectMs.max].map(Math.round),
        'first answer, p99 and max, ms': [stats.firstAnswerMs.p99, stats.firstAnswerMs.max].map(Math.round),
        'gateways, MiB before and at most': processes.map(({ first, peak }) => [first, peak]),
        errors: stats.errors,
      });
      expect(stats.errors).toEqual({});
      expect(Math.min(...secondsOf(retryAfter))).toBeGreaterThanOrEqual(leastRetryAfter);
      expect(distance).toBeLessThan(0.1);
      expect(rate.mostInASecond).toBeLessThanOrEqual(gateways * acceptsPerSecond * 1.15);
      expect(unsteady).toBeLessThan(0.2);
      expect(processes.filter(({ first, peak }) => peak - first > memoryBoundMiB)).toEqual([]);
    },
  );
});

function triesOf({ answered, throttled }: { answered: number; throttled: number }): number {
  return answered + throttled;
}

function secondsOf(retryAfter: Record<string, number>): number[] {
  return Object.keys(retryAfter).map(Number);
}

/** Kolmogorov and Smirnov's: the largest distance between the share of waits up to a time and a straight line. */
function distanceFromUniform(retryAfter: Record<string, number>): number {
  const seconds = secondsOf(retryAfter).sort((a, b) => a - b);
  const [from, to] = [seconds[0]!, seconds.at(-1)! + 1];
  const total = Object.values(retryAfter).reduce((sum, count) => sum + count, 0);
  let below = 0;
  return Math.max(
    ...seconds.map((second) => {
      below += retryAfter[second]!;
      return Math.abs(below / total - (second + 1 - from) / (to - from));
    }),
  );
}
