import { setTimeout as pause } from 'node:timers/promises';
import { configStatus } from '@muster/opamp/opamp';
import { checkBadRequest, checkNoError, checkPlain, checkSmall, extrasOf } from '../answers.ts';
import { malformedMessages } from '../messages.ts';
import { check } from '../outcome.ts';
import type { Row } from '../row.ts';
import { overBoth } from '../transport.ts';
import { sameBytes } from '../scripted-agent.ts';

const head = { maturity: 'S', over: overBoth } as const;
const requestInstanceUid = 1;

/** Checklist 5: every ServerToAgent. */
export const answerRows: Row[] = [
  {
    ...head,
    number: '5.1',
    level: 'MUST',
    section: 'Status Reporting',
    rule: 'each message is answered, heartbeats and goodbyes too',
    needs: 'wire',
    async run(context) {
      const agent = await context.reported();
      for (let beat = 0; beat < 20; beat++) checkNoError(await agent.heartbeat(), 'a heartbeat');
      checkNoError(await agent.exchange({ agentDisconnect: {} }), 'a goodbye');
      check(agent.received.length === 22, `22 messages brought ${agent.received.length} answers`);
    },
  },
  {
    ...head,
    number: '5.2',
    level: 'MUST',
    section: 'ServerToAgent.instance_uid',
    rule: 'the answer carries the uid of the message, also when it gives the agent another',
    needs: 'wire',
    async run(context) {
      const agent = await context.reported();
      const [first] = agent.link.received;
      check(sameBytes(first!.message.instanceUid, agent.uid), 'an answer carries another uid');
      const { message } = await agent.exchangeMalformed(agent.next({ flags: requestInstanceUid }));
      check(
        sameBytes(message.instanceUid, agent.uid),
        'the answer to RequestInstanceUid carries another uid',
      );
    },
  },
  {
    ...head,
    number: '5.3',
    level: 'MUST°',
    section: 'ServerToAgent Message',
    rule: 'with nothing to say only uid and capabilities are set',
    needs: 'wire',
    async run(context) {
      const agent = await context.reported();
      for (let beat = 0; beat < 3; beat++) {
        const answer = await agent.exchangeRaw(agent.next());
        checkPlain(answer.message, 'a heartbeat');
        checkSmall(answer, 'a heartbeat');
      }
    },
  },
  {
    ...head,
    number: '5.4',
    level: 'MUST',
    section: 'Status Reporting',
    rule: 'an answer to what could not be processed has error_response set',
    needs: 'wire',
    async run(context) {
      const agent = await context.reported();
      for (const [what, bytes] of Object.entries(malformedMessages(agent.uid))) {
        const { message } = await agent.exchangeMalformed(bytes);
        check(message.errorResponse, `${what}: answered without error_response`);
      }
    },
  },
  {
    ...head,
    number: '5.5',
    level: 'MUST',
    section: 'Status Reporting',
    rule: 'an answer to what was processed has no error_response',
    needs: 'wire',
    async run(context) {
      const agent = await context.reported();
      checkNoError(await agent.heartbeat(), 'a heartbeat');
      checkNoError(await agent.exchange({ health: { healthy: false, lastError: 'no' } }), 'a health report');
    },
  },
  {
    ...head,
    number: '5.6',
    level: 'MUST°',
    section: 'ServerToAgent.error_response',
    rule: 'error_response leaves no room for anything but the uid',
    needs: 'wire',
    async run(context) {
      const agent = await context.agent();
      const [bytes] = Object.values(malformedMessages(agent.uid));
      for (let time = 0; time < 2; time++) {
        const { message } = await agent.exchangeMalformed(bytes!);
        checkBadRequest(message, 'a malformed message');
        const others = extrasOf(message).filter((part) => part !== 'errorResponse');
        if (Number(message.capabilities) !== 0) others.push('capabilities');
        check(others.length === 0, `an error came together with ${others.join(' and ')}`);
      }
    },
  },
  {
    ...head,
    number: '5.7',
    level: 'MUST°',
    section: 'Status Reporting',
    rule: 'an offer that has not changed is not sent again for each message: agents would loop',
    needs: 'operator',
    async run(context) {
      const agent = await context.listed();
      await context.operator.assignConfig(agent.key, 'receivers: {} # once\n');
      const offer = await agent.hear(({ remoteConfig }) => remoteConfig != null, 'nothing was offered');
      const lastRemoteConfigHash = offer.message.remoteConfig!.configHash!;
      await agent.exchange({ remoteConfigStatus: { lastRemoteConfigHash, status: configStatus.applying } });
      for (let beat = 0; beat < 50; beat++) await agent.heartbeat();
      const offers = agent.received.filter(({ message }) => message.remoteConfig).length;
      check(offers === 1, `${offers} offers of one configuration in 50 heartbeats`);
    },
  },
  {
    ...head,
    number: '5.8',
    level: 'MUST°',
    section: 'ServerToAgent.error_response',
    rule: 'what an agent was owed is not lost by an error: a later answer brings it',
    needs: 'operator',
    async run(context) {
      const agent = await context.listed();
      await context.operator.assignConfig(agent.key, 'receivers: {} # owed\n');
      const malformed = malformedMessages(agent.uid)['a health report that is garbage']!;
      for (let time = 0; time < 4; time++) {
        await agent.exchangeMalformed(malformed);
        await pause(200);
      }
      await agent.hear(({ remoteConfig }) => remoteConfig != null, 'the configuration was lost');
    },
  },
];
