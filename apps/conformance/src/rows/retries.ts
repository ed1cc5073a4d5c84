import { setTimeout as pause } from 'node:timers/promises';
import { checkNoError } from '../answers.ts';
import { check } from '../outcome.ts';
import type { Row } from '../row.ts';
import { overBoth, overHttp, overWebSocket } from '../transport.ts';

const overload = 'needs a server at its limit, which would refuse the other rows too';

/** Checklist 4: throttling and retries. */
export const retryRows: Row[] = [
  {
    number: '4.1',
    level: 'SHOULD',
    maturity: 'S',
    section: 'Throttling: WebSocket',
    rule: 'an overloaded server answers with error_response UNAVAILABLE',
    over: overWebSocket,
    needs: 'elsewhere',
    why: overload,
  },
  {
    number: '4.2',
    level: 'MAY',
    maturity: 'S',
    section: 'ServerErrorResponse.retry_info',
    rule: 'UNAVAILABLE, and only that, may say when to try again',
    over: overWebSocket,
    needs: 'elsewhere',
    why: overload,
  },
  {
    number: '4.3',
    level: 'MAY',
    maturity: 'S',
    section: 'Throttling: Plain HTTP',
    rule: 'overload over HTTP and at the handshake is 503 or 429, with Retry-After',
    over: overBoth,
    needs: 'elsewhere',
    why: overload,
  },
  {
    number: '4.4',
    level: 'SHOULD°',
    maturity: 'S',
    section: 'Throttling: Plain HTTP',
    rule: 'nobody is told to come back sooner than in 30 seconds, unless so configured',
    over: overHttp,
    needs: 'elsewhere',
    why: overload,
  },
  {
    number: '4.5',
    level: 'MUST',
    maturity: 'S',
    section: 'Retrying Messages',
    rule: 'a message that comes twice is answered twice',
    over: overBoth,
    needs: 'wire',
    async run(context) {
      const agent = await context.reported();
      const report = agent.next({ health: { healthy: false, startTimeUnixNano: 1, lastError: 'once' } });
      for (const what of ['a report', 'the same report again']) {
        checkNoError((await agent.exchangeRaw(report)).message, what);
      }
      checkNoError(await agent.heartbeat(), 'the heartbeat after it');
    },
  },
  {
    number: '4.6',
    level: 'MAY',
    maturity: 'S',
    section: 'Retrying Messages',
    rule: 'an agent that was away gets the newest offer alone, not all that it missed',
    over: overBoth,
    needs: 'operator',
    async run(context) {
      const agent = await context.listed();
      await agent.exchange({ agentDisconnect: {} });
      await context.shows(agent, ({ connected }) => !connected, 'still shown as connected after its goodbye');
      for (const n of [1, 2, 3]) await context.operator.assignConfig(agent.key, `receivers: {} # ${n}\n`);
      await pause(1_000);
      await context.reconnect(agent);
      await agent.heartbeat();
      await agent.hear(({ remoteConfig }) => remoteConfig != null, 'nothing was offered on return');
      await agent.listen(1_000);
      const offers = agent.received.flatMap(({ message }) => message.remoteConfig ?? []);
      const bodies = offers.map(({ config }) => Buffer.from(config?.configMap?.['']?.body ?? []).toString());
      check(
        bodies.every((body) => body.includes('# 3')),
        `offered on return: ${bodies.join('; ')}`,
      );
    },
  },
];
