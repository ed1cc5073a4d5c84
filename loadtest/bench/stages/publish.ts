import { sleep, VoidRun } from '../session.ts';
import { microseconds, type Stage } from '../stage.ts';

const bodyBytes = 8_192;
const warmUpSeconds = 2;

/**
 * A configuration of 8 KiB to all, one wave, until every APPLIED is stored. Once without heartbeats, for its CPU;
 * once more with them, for how long they wait meanwhile.
 */
export const publish: Stage = {
  name: 'publish',
  fits: ({ subject }) => subject.publish !== undefined,
  async run(session) {
    const { fleet, options, subject } = session;
    const publishNow = async () => {
      const send = await subject.publish!(configuration(), options.agents);
      await fleet.clearLatencies();
      await fleet.markOffers();
      const before = await fleet.stats();
      const cost = await session.cost(send);
      const after = await fleet.stats();
      const applied = after.applied - before.applied;
      if (applied !== options.agents) throw new VoidRun(`${applied} of ${options.agents} agents applied it`);
      return { cost, after };
    };
    const quiet = await publishNow();
    await fleet.heartbeatEvery(options.heartbeatSeconds);
    await sleep(warmUpSeconds);
    const busy = await publishNow();
    await fleet.heartbeatEvery(0);
    session.assertConnected();
    return {
      'publish.cpu': microseconds(quiet.cost.cpuSeconds, options.agents),
      'publish.gatewayCpu': microseconds(quiet.cost.gatewayCpuSeconds, options.agents),
      'publish.wall': quiet.cost.seconds,
      'publish.offerP99': quiet.after.offerMs.p99,
      'publish.heartbeatP99': busy.after.heartbeatMs.p99,
      'publish.heartbeatMax': busy.after.heartbeatMs.max,
    };
  },
};

let made = 0;

/** A collector's configuration of 8 KiB, another one each time. */
function configuration(): string {
  const head =
    `# number ${++made} of ${process.pid}\nreceivers:\n  nop:\nexporters:\n  nop:\nservice:\n  pipelines:\n` +
    '    logs:\n      receivers: [nop]\n      exporters: [nop]\n';
  const line = '# a line that fills a configuration\n';
  return (head + line.repeat(Math.ceil(bodyBytes / line.length))).slice(0, bodyBytes - 1) + '\n';
}
