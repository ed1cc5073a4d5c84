import { sleep } from '../session.ts';
import type { Stage } from '../stage.ts';

/** What heartbeats cause behind the gateways: bus messages, Redis commands, SQL transactions, rows. */
export const operations: Stage = {
  name: 'operations',
  fits: ({ subject }) => subject.operations !== undefined,
  async run(session) {
    const { fleet, options, subject } = session;
    const read = subject.operations!;
    await fleet.heartbeatEvery(options.heartbeatSeconds);
    await sleep(2);
    const [beatsBefore, before] = [await fleet.stats(), await read()];
    await sleep(options.watchSeconds);
    const [after, beatsAfter] = [await read(), await fleet.stats()];
    await fleet.heartbeatEvery(0);
    await sleep(2);
    // the same time without heartbeats: what the parts do anyway
    const [idleBefore, began] = [await read(), performance.now()];
    await sleep(options.watchSeconds);
    const [idleAfter, idleSeconds] = [await read(), (performance.now() - began) / 1_000];
    const thousands = (beatsAfter.heartbeats - beatsBefore.heartbeats) / 1_000;
    const per = (part: 'bus' | 'redis' | 'sql' | 'rows') => (after[part] - before[part]) / thousands;
    const idle = (part: 'bus' | 'redis' | 'sql') => (idleAfter[part] - idleBefore[part]) / idleSeconds;
    return {
      'operations.bus': per('bus'),
      'operations.redis': per('redis'),
      'operations.sql': per('sql'),
      'operations.rows': per('rows'),
      'operations.idleBusPerSecond': idle('bus'),
      'operations.idleRedisPerSecond': idle('redis'),
      'operations.idleSqlPerSecond': idle('sql'),
    };
  },
};
