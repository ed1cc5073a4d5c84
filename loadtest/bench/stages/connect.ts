import { microseconds, type Stage } from '../stage.ts';

/** Everybody connects and reports in full, until the server shows all of them: stored, where it stores. */
export const connect: Stage = {
  name: 'connect',
  async run(session) {
    const { fleet, options, subject } = session;
    let seconds = 0;
    const cost = await session.cost(async () => {
      const began = performance.now();
      await fleet.start();
      seconds = (performance.now() - began) / 1_000;
      await subject.settled(options.agents);
    });
    session.assertConnected();
    const stats = await fleet.stats();
    return {
      'connect.cpu': microseconds(cost.cpuSeconds, options.agents),
      'connect.gatewayCpu': microseconds(cost.gatewayCpuSeconds, options.agents),
      'connect.perSecond': options.agents / seconds,
      'connect.throttled': stats.throttled,
      'connect.fullStateAsked': stats.fullStateAsked,
      'connect.answerP99': stats.firstAnswerMs.p99,
    };
  },
};
