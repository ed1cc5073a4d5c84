import { monitorEventLoopDelay } from 'node:perf_hooks';
import { GatewayRig } from './gateway-rig.setup.ts';

/*
 * A gateway in a process of its own, on memory adapters. It tells its parent its port, and when asked its longest
 * event loop delay since the last time (milliseconds) and its counters.
 */
const rig = new GatewayRig();
await rig.open();
const gateway = await rig.gateway({ graceMs: 200 });
const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
process.on('message', () => {
  process.send!({ longestDelayMs: delay.max / 1e6, metrics: gateway.metrics });
  delay.reset();
  rig.reports.length = 0;
});
process.on('disconnect', () => process.exit(0));
process.send!({ port: gateway.port });
