import { setTimeout as sleep } from 'node:timers/promises';
import type { SimulatorPool } from '@muster/simulator/simulator-pool';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiWatch } from '../harness/api-watch.ts';
import { showOnFailure } from '../harness/failure.ts';
import { differences } from '../harness/fleet-comparison.ts';
import { logged, modes, Muster } from '../harness/muster.ts';
import { overHttp } from '../harness/supervisor.ts';
import { showFigures, sized, stormFleet } from './storm.ts';

const agentsPerGateway = sized(1_000, 5_000);
const agents = 2 * agentsPerGateway;
/** Agents on plain HTTP, which no gateway can let go of. */
const pollers = sized(100, 500);
const pollSeconds = 5;
const silenceSeconds = 3 * pollSeconds;
/** What an orchestrator gives a process to end (Kubernetes' default). */
const endsWithinMs = 30_000;
/** Over which the gateway lets go of its connections. */
const drainSeconds = 5;
/** The reference client's. */
const heartbeatSeconds = 30;
/** A heartbeat that crosses the Close is lost, and its number missed: seldom, when agents are not slow themselves. */
const mostAsked = agentsPerGateway * sized(0.05, 0.02);
/** After this, whoever is going to be shown disconnected has been: a dead gateway's lease is 15 s. */
const aftermathMs = (silenceSeconds + 10) * 1_000;

describe.skipIf(!modes.includes('cluster'))('SIGTERM to one of two gateways', () => {
  let muster: Muster;
  let fleet: SimulatorPool;
  let polling: SimulatorPool;

  showOnFailure(() => ({ muster: muster?.output }));
  beforeAll(async () => {
    muster = await Muster.start({
      provokes: logged,
      mode: 'cluster',
      withoutNpm: true,
      env: {
        MUSTER_HTTP_SILENCE_SECONDS: String(silenceSeconds),
        MUSTER_DRAIN_SECONDS: String(drainSeconds),
      },
    });
    fleet = stormFleet(muster, agents, { heartbeatSeconds });
    polling = stormFleet(muster, pollers, {
      urls: muster.opamp.map(overHttp),
      heartbeatSeconds: pollSeconds,
      seed: 2,
    });
    await Promise.all([fleet.start(), polling.start()]);
  });
  afterAll(async () => {
    await Promise.all([fleet?.stop(false), polling?.stop(false)]);
    await muster?.dispose();
  });

  test('drains it: nobody is shown disconnected, and it ends in time', { timeout: 300_000 }, async () => {
    expect(await differences(muster, fleet, 60_000)).toEqual([]);
    expect(await differences(muster, polling, 60_000)).toEqual([]);
    const before = await fleet.stats();
    const watch = ApiWatch.start(muster);
    const pid = muster.part('gateway-1');
    const startedAt = performance.now();

    process.kill(pid, 'SIGTERM');
    await expect.poll(() => isThere(pid), { timeout: 2 * endsWithinMs, interval: 50 }).toBe(false);
    const endedAfterMs = performance.now() - startedAt;
    await fleet.untilOnline(agents, 60_000);
    await sleep(aftermathMs);
    const api = await watch.stop();
    const after = await fleet.stats();

    showFigures(`SIGTERM to one of two gateways, ${agentsPerGateway} agents each and ${pollers} on HTTP`, {
      'ended after, s': endedAfterMs / 1_000,
      'agents ever shown disconnected': api.shownDisconnected,
      'longest shown disconnected, ms': api.longestDisconnectedMs,
      'full states asked': after.fullStateAsked - before.fullStateAsked,
      'connections ended': after.dropped - before.dropped,
      'admin API p50, p99, max, ms': [api.p50Ms, api.p99Ms, api.maxMs],
    });
    expect(api.shownDisconnected).toBe(0);
    expect(endedAfterMs).toBeLessThan(endsWithinMs);
    expect(after.fullStateAsked - before.fullStateAsked).toBeLessThanOrEqual(mostAsked);
    expect(after.throttled).toBe(0);
    expect(await differences(muster, fleet, 30_000)).toEqual([]);
    expect(await differences(muster, polling, 30_000)).toEqual([]);
  });
});

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
