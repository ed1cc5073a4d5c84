import { sleep } from '../session.ts';
import type { Stage } from '../stage.ts';

/** What idle agents take, a minute after their last report. */
export const memory: Stage = {
  name: 'memory',
  async run(session) {
    const { options, subject, atStart } = session;
    await sleep(options.idleSeconds);
    session.assertConnected();
    const now = session.usage();
    const grown = (part: 'all' | 'gateways') =>
      (now[part].memoryKiB - atStart[part].memoryKiB) / options.agents;
    return {
      'memory.all': grown('all'),
      'memory.gateway': subject.gateways.length === 0 ? null : grown('gateways'),
      'memory.allMiB': now.all.memoryKiB / 1_024,
    };
  },
};
