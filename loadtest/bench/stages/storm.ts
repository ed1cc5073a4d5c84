import { sleep } from '../session.ts';
import { microseconds, type Stage } from '../stage.ts';
import type { Session } from '../session.ts';
import type { Operations } from '../subject.ts';

/** Time for the server to see that its connections are gone, as in a network that fails. */
const gapMs = 500;
/** Before the first agent dials again, the cost is looked at. */
const dialsEarlyMs = 100;
const backWithinMs = 120_000;
const pollMs = 250;
/** PostgreSQL counts rows late: a connection without work tells of what it did after ten seconds. */
const rowsLateSeconds = 11;

/** All connections break at once; the agents come back with their next message alone. */
export const storm: Stage = {
  name: 'storm',
  async run(session) {
    const { fleet, options, subject } = session;
    const before = await fleet.stats();
    const countRows = async () => {
      if (!subject.operations) return null;
      await sleep(rowsLateSeconds);
      return subject.operations();
    };
    const rowsBefore = await countRows();
    await fleet.clearLatencies();
    const watch = watchDisconnected(session);
    await fleet.cutAll(gapMs);
    // what the coming back costs, not the break
    await sleep((gapMs - dialsEarlyMs) / 1_000);
    let seconds = 0;
    const cost = await session.cost(async () => {
      const began = performance.now();
      await fleet.untilOnline(options.agents, backWithinMs);
      seconds = (performance.now() - began) / 1_000;
      await subject.settled(options.agents);
    });
    const shownOffline = await watch.stop();
    const rowsAfter = await countRows();
    session.assertConnected();
    const after = await fleet.stats();
    return {
      'storm.cpu': microseconds(cost.cpuSeconds, options.agents),
      'storm.gatewayCpu': microseconds(cost.gatewayCpuSeconds, options.agents),
      'storm.wall': seconds,
      'storm.fullStateAsked': after.fullStateAsked - before.fullStateAsked,
      'storm.throttled': after.throttled - before.throttled,
      'storm.shownOffline': shownOffline,
      'storm.rows': rowsBefore && rowsAfter ? rowsAfter.rows - rowsBefore.rows : null,
      ...byTable(rowsBefore, rowsAfter),
    };
  },
};

/** Which tables the rows were written to. */
function byTable(before: Operations | null, after: Operations | null): Record<string, number> {
  const written = Object.entries(after?.details ?? {}).map(
    ([name, count]) => [`storm.rows.${name}`, count - (before?.details[name] ?? 0)] as const,
  );
  return Object.fromEntries(written.filter(([, count]) => count > 0));
}

/** The most agents that the server showed disconnected at any look. */
function watchDisconnected({ subject }: Session): { stop(): Promise<number | null> } {
  if (!subject.disconnected) return { stop: async () => null };
  let most = 0;
  const end = new AbortController();
  const done = (async () => {
    while (!end.signal.aborted) {
      most = Math.max(most, await subject.disconnected!());
      await sleep(pollMs / 1_000);
    }
  })();
  return {
    async stop() {
      end.abort();
      await done;
      return most;
    },
  };
}
