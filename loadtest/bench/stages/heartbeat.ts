import { sleep } from '../session.ts';
import { microseconds, type Stage } from '../stage.ts';

const warmUpSeconds = 3;
/** Heartbeats that are on their way when the watch ends get this long. */
const lateSeconds = 0.5;

/** A steady fleet, at the same rate for every server: the cost falls with the rate. */
export const heartbeat: Stage = {
  name: 'heartbeat',
  async run(session) {
    const { fleet, options } = session;
    await fleet.heartbeatEvery(options.heartbeatSeconds);
    await sleep(warmUpSeconds);
    await fleet.clearLatencies();
    const before = await fleet.stats();
    const cost = await session.cost(() => sleep(options.watchSeconds));
    await fleet.heartbeatEvery(0);
    await sleep(lateSeconds);
    const after = await fleet.stats();
    session.assertConnected();
    session.assertAnswered(before, after);
    const count = after.heartbeats - before.heartbeats;
    return {
      'heartbeat.cpu': microseconds(cost.cpuSeconds, count),
      'heartbeat.gatewayCpu': microseconds(cost.gatewayCpuSeconds, count),
      'heartbeat.p99': after.heartbeatMs.p99,
      'heartbeat.perSecond': count / cost.seconds,
      'heartbeat.clientCpu': microseconds(after.cpuSeconds - before.cpuSeconds, count),
    };
  },
};
