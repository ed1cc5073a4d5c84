import { asksFullState, checkNoError, checkNoFullState } from '../answers.ts';
import { keyAttribute, text, usualCapabilities } from '../messages.ts';
import { check } from '../outcome.ts';
import type { Row } from '../row.ts';
import { overBoth, overWebSocket } from '../transport.ts';
import { agentCapability } from '@muster/opamp/capabilities';

const head = { maturity: 'S', over: overBoth } as const;
const compression = 'Agent Status Compression';
const requestInstanceUid = 1;
const quietMs = 2_000;

/** Checklist 6: status reports and their compression. */
export const statusReportRows: Row[] = [
  {
    ...head,
    number: '6.1',
    level: 'MUST°',
    section: 'Status Reporting',
    rule: 'the first message is a full report; after a reconnect what has not changed may be missing',
    needs: 'wire',
    async run(context) {
      const agent = await context.reported();
      await context.reconnect(agent);
      const answer = await agent.exchange({
        health: { healthy: true, startTimeUnixNano: 2, status: 'back' },
      });
      checkNoError(answer, 'a compressed report after a reconnect');
      checkNoFullState(answer, 'a compressed report after a reconnect');
    },
  },
  {
    ...head,
    number: '6.2',
    level: 'MUST°',
    section: compression,
    rule: 'a part that is left out has not changed',
    needs: 'operator',
    async run(context) {
      const agent = await context.listed();
      await agent.exchange({ health: { healthy: false, startTimeUnixNano: 1, lastError: 'ill' } });
      const shown = await context.shows(
        agent,
        ({ healthy }) => healthy === false,
        'the new health is not shown',
      );
      check(
        shown.identifying['service.name'] === 'conformance',
        'the description is gone after a report of health',
      );
      check(
        shown.effectiveConfig?.[''] === 'receivers: {}\n',
        'the effective config is gone after a report of health',
      );
    },
  },
  {
    ...head,
    number: '6.3',
    level: 'MUST°',
    section: compression,
    rule: 'a part that is there replaces the old one whole; an empty one is a value',
    needs: 'operator',
    async run(context) {
      const capabilities = usualCapabilities | agentCapability.ReportsPackageStatuses;
      const agent = await context.agent({ capabilities });
      const packageStatuses = { packages: { top: { name: 'top', agentHasVersion: '1.0' } } };
      await agent.exchange({ ...agent.fullState, packageStatuses });
      await context.shows(
        agent,
        ({ packages }) => packages?.['top'] !== undefined,
        'the package is not shown',
      );
      const identifyingAttributes = [text('service.name', 'conformance'), text(keyAttribute, agent.key)];
      await agent.exchange({ agentDescription: { identifyingAttributes }, packageStatuses: {} });
      await context.shows(
        agent,
        ({ identifying, nonIdentifying }) =>
          !('service.version' in identifying) && !('os.type' in nonIdentifying),
        'attributes that the new description lacks are still shown',
      );
      const isEmpty = ({ packages }: { packages: object | null }) => Object.keys(packages ?? {}).length === 0;
      await context.shows(agent, isEmpty, 'packages are still shown after an empty report of them');
    },
  },
  {
    ...head,
    number: '6.4',
    level: 'MUST',
    section: compression,
    rule: 'a gap in sequence_num is answered with ReportFullState',
    needs: 'wire',
    async run(context) {
      const agent = await context.reported();
      await agent.heartbeat();
      agent.skip(5);
      check(asksFullState(await agent.heartbeat()), 'five missing messages: the full state is not asked for');
    },
  },
  {
    ...head,
    number: '6.5',
    level: 'MUST°',
    section: 'ServerToAgent.flags',
    rule: 'an unknown agent that sends a compressed report is asked for its full state',
    needs: 'wire',
    async run(context) {
      const agent = await context.agent();
      agent.skip(7);
      check(
        asksFullState(await agent.heartbeat()),
        'a heartbeat of a stranger: the full state is not asked for',
      );
    },
  },
  {
    ...head,
    number: '6.6',
    level: 'MUST°',
    section: 'ServerToAgent.flags',
    rule: 'after the full report it is not asked for again',
    needs: 'wire',
    async run(context) {
      const agent = await context.agent();
      agent.skip(7);
      await agent.heartbeat();
      checkNoFullState(await agent.report(), 'the full report');
      for (let beat = 0; beat < 3; beat++) checkNoFullState(await agent.heartbeat(), 'a heartbeat after it');
    },
  },
  {
    ...head,
    number: '6.7',
    level: 'MUST°',
    section: compression,
    rule: 'numbers that go on without a gap over connections need no full state',
    needs: 'wire',
    async run(context) {
      const agent = await context.reported();
      for (let connection = 0; connection < 3; connection++) {
        await context.reconnect(agent);
        checkNoFullState(await agent.heartbeat(), 'a heartbeat after a reconnect');
      }
    },
  },
  {
    ...head,
    number: '6.8',
    level: 'MUST',
    section: 'AgentToServer.capabilities',
    rule: 'capabilities may change at any time, and count from then on',
    needs: 'operator',
    async run(context) {
      const agent = await context.listed();
      agent.capabilities = usualCapabilities & ~agentCapability.AcceptsRemoteConfig;
      await agent.heartbeat();
      await context.operator.assignConfig(agent.key, 'receivers: {} # capable\n');
      const heard = await agent.listen(context.quiet(quietMs));
      check(
        !heard.some(({ message }) => message.remoteConfig),
        'offered to an agent that no longer accepts it',
      );
      agent.capabilities = usualCapabilities;
      await agent.heartbeat();
      await agent.hear(
        ({ remoteConfig }) => remoteConfig != null,
        'not offered once the agent accepts it again',
      );
    },
  },
  {
    ...head,
    number: '6.9',
    level: 'MUST°',
    section: 'AgentToServer Message',
    rule: 'flags, goodbyes, requests and custom messages are events: nothing of them stays',
    needs: 'wire',
    async run(context) {
      const agent = await context.reported();
      await agent.exchangeMalformed(agent.next({ flags: requestInstanceUid }));
      agent.sequenceNum--;
      const after = await agent.heartbeat();
      check(!after.agentIdentification, 'a message without the flag was given a uid, too');
      await agent.exchange({ agentDisconnect: {} });
      const back = await agent.report();
      checkNoError(back, 'a report after a goodbye');
      checkNoError(await agent.heartbeat(), 'a heartbeat after a goodbye and a report');
    },
  },
  {
    ...head,
    over: overWebSocket,
    number: '6.10',
    level: 'SHOULD',
    section: 'AgentDisconnect',
    rule: 'a goodbye ends the presence of that agent alone, not of others on its connection',
    needs: 'operator',
    async run(context) {
      const link = await context.link();
      const leaving = await context.reported({}, link);
      const staying = await context.reported({}, link);
      await context.shows(
        leaving,
        ({ connected }) => connected,
        'the first of two agents is not shown as connected',
      );
      await context.shows(
        staying,
        ({ connected }) => connected,
        'the second of two agents is not shown as connected',
      );
      await leaving.exchange({ agentDisconnect: {} });
      await context.shows(
        leaving,
        ({ connected }) => !connected,
        'still shown as connected after its goodbye',
      );
      checkNoError(await staying.heartbeat(), 'a heartbeat of the other agent');
      await context.shows(staying, ({ connected }) => connected, 'the other agent is shown as disconnected');
    },
  },
  {
    ...head,
    over: overWebSocket,
    number: '6.11',
    level: 'SHOULD',
    section: 'AgentDisconnect',
    rule: 'a connection that breaks takes all its agents along; what they said is kept',
    needs: 'operator',
    async run(context) {
      const link = await context.link();
      const agents = [await context.reported({}, link), await context.reported({}, link)];
      for (const agent of agents) {
        await context.shows(agent, ({ connected }) => connected, 'an agent is not shown as connected');
      }
      link.cut();
      for (const agent of agents) {
        const shown = await context.shows(agent, ({ connected }) => !connected, 'still shown as connected');
        check(shown.identifying['service.name'] === 'conformance', 'the description is gone');
      }
    },
  },
];
