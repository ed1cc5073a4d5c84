import { setTimeout as pause } from 'node:timers/promises';
import { agentCapability, serverCapability } from '@muster/opamp/capabilities';
import { checkNoError, checkNoFullState } from '../answers.ts';
import { WebSocketLink } from '../link.ts';
import { usualCapabilities } from '../messages.ts';
import { NotMet, NotOffered } from '../outcome.ts';
import type { Row } from '../row.ts';
import { overBoth, overHttp } from '../transport.ts';

const head = { maturity: 'D', over: overBoth } as const;
const section = 'OpAMPConnectionSettings.heartbeat_interval_seconds';
const { OffersConnectionSettings } = serverCapability;
const why = 'settings would have to be offered';
/** Longer than one interval of the 30 s that the specification recommends. */
const silenceMs = 45_000;
const frozenMs = 110_000;

/** Checklist 9: heartbeat and liveness. */
export const livenessRows: Row[] = [
  {
    ...head,
    number: '9.1',
    level: 'MUST°',
    section,
    rule: 'every message with a uid is a sign of life',
    needs: 'operator',
    async run(context) {
      const agent = await context.listed();
      const kinds = {
        'a heartbeat': {},
        'a health report': { health: { healthy: true, startTimeUnixNano: 3 } },
      };
      for (const [what, fields] of Object.entries(kinds)) {
        const before = (await context.operator.agent(agent.uuid))?.lastSeen ?? 0;
        await pause(1_000);
        checkNoError(await agent.exchange(fields), what);
        await context.shows(
          agent,
          ({ lastSeen }) => lastSeen > before,
          `${what} does not move when it was last seen`,
        );
      }
    },
  },
  {
    ...head,
    number: '9.2',
    level: 'MAY',
    section,
    rule: 'the server may offer an interval to agents with ReportsHeartbeat',
    offers: OffersConnectionSettings,
    needs: 'elsewhere',
    why,
  },
  {
    ...head,
    number: '9.3',
    level: 'MUST°',
    section,
    rule: 'heartbeats of agents without ReportsHeartbeat are taken, too',
    needs: 'wire',
    async run(context) {
      const agent = await context.reported({
        capabilities: usualCapabilities & ~agentCapability.ReportsHeartbeat,
      });
      for (let beat = 0; beat < 3; beat++) checkNoError(await agent.heartbeat(), 'a heartbeat');
    },
  },
  {
    ...head,
    number: '9.4',
    level: 'MUST°',
    section: 'AgentToServer.capabilities',
    rule: 'while no interval was offered, an agent may take longer than any',
    needs: 'operator',
    deadlineMs: 70_000,
    async run(context) {
      const agent = await context.listed();
      await pause(silenceMs);
      await context.shows(
        agent,
        ({ connected }) => connected,
        'shown as disconnected after 45 s of silence',
        0,
      );
      checkNoFullState(await agent.heartbeat(), 'a heartbeat after 45 s of silence');
    },
  },
  {
    ...head,
    over: overHttp,
    number: '9.5',
    level: 'MUST°',
    section: 'Plain HTTP Transport',
    rule: 'over HTTP the interval that is offered is the polling interval',
    offers: OffersConnectionSettings,
    needs: 'elsewhere',
    why,
  },
  {
    ...head,
    number: '9.6',
    level: 'MAY',
    section,
    rule: 'an agent that has frozen is shown as gone; once it goes on, it needs no full report',
    needs: 'operator',
    deadlineMs: 150_000,
    async run(context) {
      const agent = await context.listed();
      if (agent.link instanceof WebSocketLink) agent.link.socket.answersPings = false;
      await context
        .shows(agent, ({ connected }) => !connected, 'gone', frozenMs)
        .catch((error: unknown) => {
          if (!(error instanceof NotMet)) throw error;
          throw new NotOffered(`after ${frozenMs / 1_000} s of silence still shown as connected`);
        });
      await context.reconnect(agent);
      checkNoFullState(await agent.heartbeat(), 'the first heartbeat after it froze');
      await context.shows(agent, ({ connected }) => connected, 'not shown as connected again');
    },
  },
];
