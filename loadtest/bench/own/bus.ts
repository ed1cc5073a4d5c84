import { connect } from 'node:net';
import { SimulatorPool } from '@muster/simulator/simulator-pool';
import { startMuster } from '../muster.ts';
import { say } from '../run.ts';
import type { OwnFigure } from './own-figure.ts';

const agents = 1_000;
const gatewayCounts = [1, 2, 4];
const body = `receivers:\n  nop:\nexporters:\n  nop:\nservice:\n  pipelines:\n    logs:\n      receivers: [nop]\n      exporters: [nop]\n`;

/** How many messages carry one push, as its agents are spread over more gateways. Four gateways run all the time. */
export const bus: OwnFigure = async (_options, { print }) => {
  const rows: string[] = [];
  for (const count of gatewayCounts) {
    say(`bus: ${agents} agents on ${count} of 4 gateways`);
    const subject = await startMuster({ mode: 'cluster', moreGateways: 2 });
    const fleet = new SimulatorPool({
      urls: subject.urls.slice(0, count),
      token: subject.token!,
      agents,
      kinds: ['contrib'],
      heartbeatSeconds: 0,
    });
    try {
      await fleet.start();
      await subject.settled(agents);
      const send = await subject.publish!(body, agents);
      const tap = await tapDeliveries(subject.natsPort!);
      await send();
      const messages = tap.stop();
      const total = Object.values(messages).reduce((sum, each) => sum + each, 0);
      const reached = Object.keys(messages).length;
      rows.push(
        `| ${count} | ${reached} | ${total} | ${(total / count).toFixed(1)} | ${reached === count ? '✓' : '✗'} |`,
      );
    } finally {
      await fleet.stop(false);
      await subject.stop();
    }
  }
  print(`\n### Bus messages of a push to ${agents} agents; four gateways run\n`);
  print('| gateways that hold them | gateways that got one | messages | for each gateway | only those |');
  print(['| --- | --- | --- | --- | --- |', ...rows].join('\n'));
};

/** Counts what is sent to each gateway, by subject, with a subscription of its own. */
async function tapDeliveries(port: number): Promise<{ stop(): Record<string, number> }> {
  const counts: Record<string, number> = {};
  const socket = connect(port, '127.0.0.1');
  let rest = Buffer.alloc(0);
  let answered = () => {};
  const subscribed = new Promise<void>((resolve) => (answered = resolve));
  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
      const words = rest.toString('latin1', 0, end).split(' ');
      const size = words[0] === 'MSG' || words[0] === 'HMSG' ? Number(words.at(-1)) + 2 : 0;
      if (rest.length < end + 2 + size) return;
      rest = rest.subarray(end + 2 + size);
      if (size > 0) counts[words[1]!] = (counts[words[1]!] ?? 0) + 1;
      else if (words[0] === 'PING') socket.write('PONG\r\n');
      else if (words[0] === 'PONG') answered();
    }
  });
  socket.write('CONNECT {"verbose":false,"headers":true}\r\nSUB gateways.*.deliver 1\r\nPING\r\n');
  await subscribed;
  return {
    stop() {
      socket.destroy();
      return counts;
    },
  };
}
