import { setTimeout as sleep } from 'node:timers/promises';
import type { SimulatorPool } from '@muster/simulator/simulator-pool';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiWatch } from '../harness/api-watch.ts';
import { killAll } from '../harness/child.ts';
import { showOnFailure } from '../harness/failure.ts';
import { differences } from '../harness/fleet-comparison.ts';
import { logged, modes, Muster } from '../harness/muster.ts';
import { overHttp } from '../harness/supervisor.ts';
import { AcceptRate } from './accept-rate.ts';
import { graceMs, showFigures, sized, stormFleet } from './storm.ts';

const agentsPerGateway = sized(1_000, 5_000);
const agents = 2 * agentsPerGateway;
/** Agents on plain HTTP, some of which poll again only after the lease of the dead gateway. */
const pollers = sized(100, 500);
/** Each gateway lets in so many per second: all that come from the other one, and no more. */
const acceptsPerSecond = agentsPerGateway + pollers;
const backWithinMs = 60_000;
/** The reference client's. */
const heartbeatSeconds = 30;
/**
 * Seconds. A crash takes the numbers of the heartbeats since the last checkpoint with it. Whether one of the missing
 * messages was a report nobody can know, so these agents are asked for their full state; a busy machine is late.
 */
const checkpointSeconds = 3;
const mostAsked = (agentsPerGateway * 2 * checkpointSeconds) / heartbeatSeconds;
/** Small runs share the machine with other tests. */
const slowestApiMs = sized(1_000, 250);

describe.skipIf(!modes.includes('cluster'))('kill -9 of one of two gateways', () => {
  let muster: Muster;
  let fleet: SimulatorPool;
  let polling: SimulatorPool;

  showOnFailure(() => ({ muster: muster?.output }));
  beforeAll(async () => {
    muster = await Muster.start({
      provokes: logged,
      mode: 'cluster',
      withoutNpm: true,
      env: { MUSTER_ACCEPTS_PER_SECOND: String(acceptsPerSecond) },
    });
    fleet = stormFleet(muster, agents, { heartbeatSeconds });
    polling = stormFleet(muster, pollers, { urls: muster.opamp.map(overHttp), heartbeatSeconds, seed: 2 });
    await Promise.all([fleet.start(), polling.start()]);
  });
  afterAll(async () => {
    await Promise.all([fleet?.stop(false), polling?.stop(false)]);
    await muster?.dispose();
  });

  test('its agents go on at the other one, and nobody notices', { timeout: 300_000 }, async () => {
    expect(await differences(muster, fleet, 60_000)).toEqual([]);
    expect(await differences(muster, polling, 60_000)).toEqual([]);
    const before = await fleet.stats();
    const watch = ApiWatch.start(muster);
    await sleep(sized(3_000, 10_000)); // heartbeats that no checkpoint holds are part of the storm

    const rate = AcceptRate.watch(fleet);
    const killedAt = performance.now();
    killAll([muster.part('gateway-1')]);
    await expect
      .poll(async () => (await fleet.stats()).online, { timeout: 10_000, interval: 5 })
      .toBeLessThan(agents);
    await fleet.untilOnline(agents, backWithinMs);
    const backAfterMs = performance.now() - killedAt;
    await sleep(25_000); // longer than the lease of a dead gateway that comes back, after which its agents are looked at
    await rate.stop();
    const api = await watch.stop();
    const after = await fleet.stats();

    showFigures(`kill -9 of one of two gateways, ${agentsPerGateway} agents each and ${pollers} on HTTP`, {
      'all back after, s': backAfterMs / 1_000,
      'most accepts in a second': rate.mostInASecond,
      'set rate': acceptsPerSecond,
      'full states asked': after.fullStateAsked - before.fullStateAsked,
      throttled: after.throttled - before.throttled,
      'agents ever shown disconnected': api.shownDisconnected,
      'longest shown disconnected, ms': api.longestDisconnectedMs,
      'admin API p50, p99, max, ms': [api.p50Ms, api.p99Ms, api.maxMs],
      'admin API requests': api.requests,
    });
    expect(after.fullStateAsked - before.fullStateAsked).toBeLessThanOrEqual(mostAsked);
    expect(api.longestDisconnectedMs).toBeLessThanOrEqual(graceMs);
    expect(api.failures).toEqual([]);
    expect(api.p99Ms).toBeLessThan(slowestApiMs);
    expect(rate.mostInASecond).toBeLessThanOrEqual(acceptsPerSecond * 1.1);
    expect(await differences(muster, fleet, 30_000)).toEqual([]);
    expect(await differences(muster, polling, 60_000)).toEqual([]);
  });
});
